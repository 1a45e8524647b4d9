//! A TCP stream that tells when what it read had come: by the system's own stamp, taken as the bytes arrived and before
//! anyone here was woken.
//!
//! Who stamps at the read counts its own waking as the other side's time, the more the busier the machine is. Where the
//! system gives no stamp (none but Linux is asked), the moment of the read is told.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, socket};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::clock::{Clock, since_wall};
use super::units::Offset;

/// Most bytes that are read at once: room that nothing fills is made ready all the same.
const AT_ONCE: usize = 64 << 10;

/// Asks the system to stamp what comes over a socket, and over all that are accepted from it.
pub fn ask_for_stamps(socket: &impl AsFd) {
    // A system that refuses gives none, which is seen at each read.
    #[cfg(target_os = "linux")]
    let _ =
        nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::ReceiveTimestampns, &true);
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

/// Keeps the system stamping for as long as it is held.
///
/// Linux is switched over a moment after the first socket asks, and back after the last is closed, and each time
/// interrupts every processor: connections that come and go one at a time would have it do so for each.
#[derive(Debug)]
pub struct Stamping {
    _socket: Option<OwnedFd>,
}

impl Stamping {
    /// From now on.
    pub fn keep() -> Self {
        let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).ok();
        socket.iter().for_each(ask_for_stamps);
        Self { _socket: socket }
    }
}

/// A TCP stream, and when what was read from it last had come.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    clock: Clock,
    /// Room for what the system says beside the bytes.
    beside: Beside,
    arrived: Offset,
    waited: Option<Duration>,
}

impl Socket {
    /// Reads from a stream whose stamps were [asked for](ask_for_stamps).
    pub fn new(stream: TcpStream, clock: Clock) -> Self {
        Self {
            stream,
            clock,
            beside: beside(),
            arrived: Offset::ZERO,
            waited: None,
        }
    }

    /// When the last of the bytes that were read last had come, or when the stream's end was read.
    ///
    /// Bytes that waited together have one stamp, that of the last. A stamp is of bytes, not of when they could be read:
    /// behind a segment that was lost they may lie for long, and are theirs no earlier than the one that was missing. So a
    /// stamp is believed back to when the lane looked the time before last, and no further: what could be read by then had
    /// been read.
    pub const fn arrived(&self) -> Offset {
        self.arrived
    }

    /// How long the last of the bytes that were read last had waited for that; `None` where the system does not tell.
    pub const fn waited(&self) -> Option<Duration> {
        self.waited
    }

    /// The stream below.
    pub const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Reads once what is there; `WouldBlock` where nothing is.
    fn receive(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let (size, mut came) = (room.len(), None);
        let tried = self.stream.try_io(Interest::READABLE, || {
            let received = read_with_stamp(&self.stream, room, &mut self.beside)?;
            came = Some(received);
            // Bytes that leave room have emptied the socket: the next read waits, and need not ask for that.
            if (1..size).contains(&received.0) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        let Some((read, stamp)) = came else {
            return tried.map(|()| 0);
        };
        let waited = stamp.map(since_wall);
        // Read after that: an interruption between the two tells a moment that is too late, never one that flatters.
        let now = self.clock.now();
        let most = now.since(self.clock.turn_before_last());
        self.waited = waited.map(|waited| waited.min(most));
        self.arrived = self.arrived.max(now - self.waited.unwrap_or_default());
        Ok(read)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(this.stream.poll_read_ready(cx))?;
            let room = buffer.remaining().min(AT_ONCE);
            match this.receive(buffer.initialize_unfilled_to(room)) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Room for one stamp: on the heap, where it lies as the system wants it to.
#[cfg(target_os = "linux")]
type Beside = Vec<u8>;
#[cfg(not(target_os = "linux"))]
type Beside = ();

#[cfg(target_os = "linux")]
fn beside() -> Beside {
    nix::cmsg_space!(nix::sys::time::TimeSpec)
}
#[cfg(not(target_os = "linux"))]
const fn beside() -> Beside {}

/// Reads once; tells how many bytes, and when the last of them came by the wall clock.
#[cfg(target_os = "linux")]
fn read_with_stamp(
    stream: &TcpStream,
    room: &mut [u8],
    beside: &mut Beside,
) -> io::Result<(usize, Option<Duration>)> {
    use std::os::fd::AsRawFd as _;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

    let mut pieces = [io::IoSliceMut::new(room)];
    let message = recvmsg::<()>(
        stream.as_raw_fd(),
        &mut pieces,
        Some(beside),
        MsgFlags::empty(),
    )?;
    // Without the stamp the bytes are there all the same.
    let stamp = message
        .cmsgs()
        .into_iter()
        .flatten()
        .find_map(|beside| match beside {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp.into()),
            _ => None,
        });
    Ok((message.bytes, stamp))
}
#[cfg(not(target_os = "linux"))]
fn read_with_stamp(
    stream: &TcpStream,
    room: &mut [u8],
    (): &mut Beside,
) -> io::Result<(usize, Option<Duration>)> {
    let (read, _) = rustix::net::recv(stream, room, rustix::net::RecvFlags::empty())?;
    Ok((read, None))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::foundation::clock::{Timer, lane};

    /// How long bytes wait to be read.
    const WAIT: Duration = Duration::from_millis(20);

    /// A stream whose bytes are stamped, and its other end.
    async fn pair(clock: &Clock) -> (Socket, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        ask_for_stamps(&stream);
        let (other, _) = listener.accept().unwrap();
        other.set_nodelay(true).unwrap();
        (Socket::new(stream, clock.clone()), other)
    }

    /// Sends bytes while the lane does not get to run, and reads them then: between which moments they were sent, what was
    /// told of their arrival, and when the lane ran again.
    async fn late(
        socket: &mut Socket,
        other: &mut std::net::TcpStream,
        clock: &Clock,
    ) -> [Offset; 4] {
        // Until it looks twice the lane does not know since when it has not.
        for _ in 0..2 {
            other.write_all(b"!").unwrap();
            assert_eq!(socket.read(&mut [0; 1]).await.unwrap(), 1);
        }
        let before = clock.now();
        other.write_all(b"once").unwrap();
        let after = clock.now();
        std::thread::sleep(WAIT);
        let ran = clock.now();
        assert_eq!(socket.read(&mut [0; 16]).await.unwrap(), 4);
        [before, socket.arrived(), after, ran]
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_came_while_the_lane_did_not_run_came_when_it_came() {
        let _stamping = Stamping::keep();
        lane(false).unwrap().block_on(async {
            let clock = Clock::real();
            let (mut socket, mut other) = pair(&clock).await;
            // The system begins to stamp a moment after it was asked to.
            for _ in 0..100 {
                let [before, arrived, after, ran] = late(&mut socket, &mut other, &clock).await;
                assert!(before <= arrived, "{arrived} is before {before}");
                if arrived < ran {
                    assert!(arrived.since(after) < WAIT / 2, "{arrived} for {after}");
                    assert!(socket.waited() >= Some(WAIT / 2), "{:?}", socket.waited());
                    return;
                }
            }
            panic!("nothing was stamped");
        });
    }

    /// As behind a segment that was lost, which the stamp of a later one knows nothing of: the lane looks and looks.
    #[test]
    fn what_a_lane_that_ran_did_not_read_had_not_come() {
        let _stamping = Stamping::keep();
        lane(false).unwrap().block_on(async {
            let clock = Clock::real();
            let timer = Timer::new(&clock).unwrap();
            let (mut socket, mut other) = pair(&clock).await;
            other.write_all(b"once").unwrap();
            let mut looked = [Offset::ZERO; 2];
            for _ in 0..5 {
                looked = [looked[1], clock.now()];
                timer.after(WAIT / 5).await;
            }
            assert_eq!(socket.read(&mut [0; 16]).await.unwrap(), 4);
            let arrived = socket.arrived();
            assert!(looked[0] <= arrived, "{arrived} is before {}", looked[0]);
        });
    }

    #[test]
    fn the_end_of_a_stream_comes_when_it_is_read() {
        lane(false).unwrap().block_on(async {
            let clock = Clock::real();
            let (mut socket, other) = pair(&clock).await;
            drop(other);
            let before = clock.now();
            assert_eq!(socket.read(&mut [0; 16]).await.unwrap(), 0);
            assert!(socket.arrived() >= before);
        });
    }

    #[test]
    fn all_bytes_come_through_a_room_of_any_size() {
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
        for room in [1, 7, 4096, 65_536] {
            lane(false).unwrap().block_on(async {
                let (mut socket, mut other) = pair(&Clock::real()).await;
                let bytes = sent.clone();
                let writing = std::thread::spawn(move || other.write_all(&bytes).unwrap());
                let (mut read, mut room) = (Vec::new(), vec![0; room]);
                loop {
                    let count = socket.read(&mut room).await.unwrap();
                    if count == 0 {
                        break;
                    }
                    read.extend_from_slice(&room[..count]);
                }
                writing.join().unwrap();
                assert!(read == sent, "{} of {} bytes", read.len(), sent.len());
            });
        }
    }
}
