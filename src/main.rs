//! The `plimsoll` binary: hands the arguments to the library and exits with its code.

fn main() -> std::process::ExitCode {
    plimsoll::main(std::env::args_os())
}
