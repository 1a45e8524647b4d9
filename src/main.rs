//! The `plimsoll` binary: hands the arguments to the library and exits with its code.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    plimsoll::main(std::env::args_os())
}
