//! Frames on a stream: `length (u32, big endian) | bytes`, and which stream is kept when there are two.
//!
//! Each connection has one stream, opened by whoever dialled it. When both sides dial at once there are two connections, so the
//! peer with the **lower id decides**: it answers a stream with one byte, and only a stream that has this byte is used. Nothing is sent
//! on a stream before that, so nothing is lost on the one that is let go, and neither side changes its mind.
//!
//! The other side says first, in an [`Attempt`], which try this is: the try number goes up when that side loses a stream. A second
//! stream of the same try is a simultaneous dial, and is let go; one of a later try (or of another process) means that the peer knows
//! the old stream to be dead, and takes its place.
//!
//! ```text
//! higher id                      lower id
//!    | -- process (8) | try (4) --> |
//!    | <------- 1 (1 byte) -------- |   or the stream is closed
//!    | <------ frames ------------> |
//! ```

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader, ReadHalf, WriteHalf};
use libp2p::Stream;
use libp2p::swarm::ConnectionId;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::swarm::Order;
use super::{Arrival, Received, Stats};
use crate::types::limits::{
    FRAME_BYTES_MAX, FRAME_READ_MS, PING_WAIT_MS, SLOWEST_BYTES_PER_SECOND, STREAM_BYTES_MAX, STREAM_DRAIN_MS, STREAM_FRAMES_MAX,
    STREAM_STALL_MS, STREAM_WAIT_MS,
};
use crate::types::{Millis, PeerId};

/// Sends frames to one peer, over one stream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Link {
    peer: PeerId,
    queue: mpsc::Sender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    ends: Ends,
    counters: Arc<Counters>,
}

impl Link {
    /// To whom.
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// Queues a frame; returns whether it was queued. A peer for whom more than `STREAM_FRAMES_MAX` frames or `STREAM_BYTES_MAX`
    /// bytes wait is cut off: its stream closes, and its `Down` follows.
    pub fn send(&self, frame: Vec<u8>) -> bool {
        let bytes = frame.len();
        if bytes == 0 || bytes > FRAME_BYTES_MAX || self.ends.cut.is_cancelled() {
            return false;
        }
        let waiting = self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let queued = waiting <= STREAM_BYTES_MAX && self.queue.try_send(frame).is_ok();
        if !queued {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            if !self.queue.is_closed() {
                self.ends.cut.cancel();
                self.counters.cut_off.fetch_add(1, Ordering::Relaxed);
            }
        }
        queued
    }

    /// Bytes that wait to be written.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// The two ways to end a link from outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// After what waits has left.
    pub(super) finish: CancellationToken,
    /// At once.
    pub(super) cut: CancellationToken,
}

/// Signs of life of a link.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Milliseconds since the link began, when a byte came last.
    heard: AtomicU64,
    /// Bytes written so far.
    sent: AtomicU64,
    /// Bytes that were written when a byte came last.
    sent_then: AtomicU64,
}

impl Pulse {
    fn on_heard(&self, since: Instant) {
        self.heard.store(elapsed(since), Ordering::Relaxed);
        self.sent_then.store(self.sent.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether the peer may still be there although it did not answer in time: it spoke a moment ago, or the answer waits behind
    /// what we sent since then on a slow link.
    pub(super) fn may_be_alive(&self, since: Instant) -> bool {
        let in_flight = self.sent.load(Ordering::Relaxed).saturating_sub(self.sent_then.load(Ordering::Relaxed));
        let patience = PING_WAIT_MS + in_flight.saturating_mul(1_000) / SLOWEST_BYTES_PER_SECOND;
        elapsed(since).saturating_sub(self.heard.load(Ordering::Relaxed)) < patience
    }
}

fn elapsed(since: Instant) -> Millis {
    Millis::try_from(since.elapsed().as_millis()).unwrap_or(Millis::MAX)
}

/// A reader that notes each sign of life.
struct Heard<R> {
    inner: R,
    pulse: Arc<Pulse>,
    since: Instant,
}

impl<R: AsyncRead + Unpin> AsyncRead for Heard<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if matches!(polled, Poll::Ready(Ok(read)) if read > 0) {
            self.pulse.on_heard(self.since);
        }
        polled
    }
}

/// Which try of the peer with the higher id a stream belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) process: u64,
    pub(super) number: u32,
}

impl Attempt {
    /// Whether this stream takes the place of one of that try.
    pub(super) fn replaces(self, other: Self) -> bool {
        self.process != other.process || self.number > other.number
    }
}

/// Which side of the agreement we are on.
pub(super) enum Side {
    /// Our id is lower: we decide.
    Decides,
    /// Our id is higher: we say which try this is.
    Asks(Attempt),
}

/// A stream on which all is said except, by the deciding side, yes.
pub(super) struct Ready {
    pub(super) peer: PeerId,
    pub(super) connection: ConnectionId,
    pub(super) stream: Stream,
    /// What the other side said; `None` when it decided, and said yes.
    pub(super) attempt: Option<Attempt>,
}

const YES: u8 = 1;

/// Says or hears which try a stream belongs to, and hears yes; tells the swarm task what came of it.
pub(super) async fn agree(peer: PeerId, connection: ConnectionId, mut stream: Stream, side: Side, orders: mpsc::Sender<Order>) {
    let said = async {
        match side {
            Side::Decides => {
                let (mut process, mut number) = ([0; 8], [0; 4]);
                stream.read_exact(&mut process).await.ok()?;
                stream.read_exact(&mut number).await.ok()?;
                Some(Some(Attempt { process: u64::from_be_bytes(process), number: u32::from_be_bytes(number) }))
            }
            Side::Asks(attempt) => {
                stream.write_all(&attempt.process.to_be_bytes()).await.ok()?;
                stream.write_all(&attempt.number.to_be_bytes()).await.ok()?;
                stream.flush().await.ok()?;
                let mut answer = [0];
                stream.read_exact(&mut answer).await.ok()?;
                (answer == [YES]).then_some(None)
            }
        }
    };
    let order = match timeout(millis(STREAM_WAIT_MS), said).await.ok().flatten() {
        Some(attempt) => Order::Ready(Ready { peer, connection, stream, attempt }),
        None => Order::Unready { peer, connection },
    };
    let _ = orders.send(order).await;
}

/// One open stream at work, until it ends.
pub(super) struct Running {
    link: Link,
    connection: ConnectionId,
    stream: Stream,
    must_say_yes: bool,
    queue: mpsc::Receiver<Vec<u8>>,
    pulse: Arc<Pulse>,
    since: Instant,
    outlets: Outlets,
}

/// Where a link sends what it has.
#[derive(Clone)]
pub(super) struct Outlets {
    pub(super) arrivals: mpsc::Sender<Arrival>,
    pub(super) room: Arc<Semaphore>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) counters: Arc<Counters>,
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer closed it, it broke, or we closed it.
    Gone,
    /// The peer sent what is no frame.
    Malformed,
}

impl Running {
    /// `since` is when the link begins, for its `pulse`.
    pub(super) fn new(ready: Ready, ends: Ends, pulse: Arc<Pulse>, since: Instant, outlets: Outlets) -> Self {
        let (sender, queue) = mpsc::channel(STREAM_FRAMES_MAX);
        let counters = Arc::clone(&outlets.counters);
        let link = Link { peer: ready.peer, queue: sender, waiting: Arc::default(), ends, counters };
        let must_say_yes = ready.attempt.is_some();
        Self { link, connection: ready.connection, stream: ready.stream, must_say_yes, queue, pulse, since, outlets }
    }

    /// Says `Up`, reads and writes until either way ends, says `Down`. `after` is done when the link before this one said its
    /// `Down`; `said_down` is dropped when this one did.
    pub(super) async fn run(self, after: Option<oneshot::Receiver<()>>, said_down: oneshot::Sender<()>) {
        let Self { link, connection, stream, must_say_yes, queue, pulse, since, outlets } = self;
        if let Some(after) = after {
            let _ = after.await;
        }
        let (peer, waiting, ends) = (link.peer, Arc::clone(&link.waiting), link.ends.clone());
        let is_up = outlets.arrivals.send(Arrival::Up(link)).await.is_ok();
        if is_up {
            let (read_half, write_half) = stream.split();
            let heard = Heard { inner: read_half, pulse: Arc::clone(&pulse), since };
            let reader = Reader { peer, half: BufReader::with_capacity(READ_BYTES, heard), outlets: &outlets };
            let writer = Writer { half: write_half, queue, waiting, pulse: &pulse, counters: &outlets.counters };
            let end = tokio::select! {
                () = ends.cut.cancelled() => End::Gone,
                () = overdue(&ends.finish) => End::Gone,
                end = transfer(reader, writer, must_say_yes, &ends.finish) => end,
            };
            // The swarm task must know before the driver can answer the `Down` with a dial.
            let _ = outlets.orders.send(Order::Ended { peer, connection }).await;
            let _ = outlets.arrivals.send(Arrival::Down { peer, is_malformed: end == End::Malformed }).await;
        }
        drop(said_down);
    }
}

/// Reads and writes until the reading ends. What the peer sent before it closed is read to its end, also when nothing more can be written.
async fn transfer(reader: Reader<'_>, writer: Writer<'_>, must_say_yes: bool, finish: &CancellationToken) -> End {
    let mut reading = std::pin::pin!(reader.run());
    tokio::select! {
        end = &mut reading => return end,
        () = writer.run(must_say_yes, finish) => {}
    }
    timeout(millis(STREAM_DRAIN_MS), reading).await.unwrap_or(End::Gone)
}

/// Comes when a link that was told to finish has not.
async fn overdue(finish: &CancellationToken) {
    finish.cancelled().await;
    tokio::time::sleep(2 * millis(STREAM_DRAIN_MS)).await;
}

/// Bytes read at a time: a connection that is idle costs this much, a busy one gets many frames with one read.
const READ_BYTES: usize = 8 * 1024;
/// Bytes gathered before a write.
const WRITE_BYTES: usize = 64 * 1024;

struct Reader<'a> {
    peer: PeerId,
    half: BufReader<Heard<ReadHalf<Stream>>>,
    outlets: &'a Outlets,
}

impl Reader<'_> {
    async fn run(mut self) -> End {
        loop {
            let bytes = match read_frame(&mut self.half).await {
                Ok(bytes) => bytes,
                Err(end) => return end,
            };
            // Waits while the node is busy: the peer feels it as a full window, memory does not.
            let share = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let Ok(room) = Arc::clone(&self.outlets.room).acquire_many_owned(share).await else { return End::Gone };
            self.outlets.counters.taken(bytes.len());
            if self.outlets.arrivals.send(Arrival::Frame(Received { from: self.peer, bytes, room })).await.is_err() {
                return End::Gone;
            }
        }
    }
}

/// One frame. Memory grows with the bytes that came, not with the length that was claimed.
pub(super) async fn read_frame<R: AsyncRead + Unpin>(half: &mut R) -> Result<Vec<u8>, End> {
    let mut prefix = [0; 4];
    half.read_exact(&mut prefix).await.map_err(|_| End::Gone)?;
    read_rest(half, prefix).await
}

/// The frame of this length.
pub(super) async fn read_rest<R: AsyncRead + Unpin>(half: &mut R, prefix: [u8; 4]) -> Result<Vec<u8>, End> {
    let length = u32::from_be_bytes(prefix) as usize;
    if length == 0 || length > FRAME_BYTES_MAX {
        return Err(End::Malformed);
    }
    let rest = async {
        let mut bytes = Vec::with_capacity(length.min(READ_BYTES));
        half.take(length as u64).read_to_end(&mut bytes).await.map_err(|_| End::Gone)?;
        if bytes.len() == length { Ok(bytes) } else { Err(End::Gone) }
    };
    timeout(millis(FRAME_READ_MS), rest).await.unwrap_or(Err(End::Gone))
}

struct Writer<'a> {
    half: WriteHalf<Stream>,
    queue: mpsc::Receiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    pulse: &'a Pulse,
    counters: &'a Counters,
}

impl Writer<'_> {
    /// Ends when it is told to finish and has, or when the peer takes nothing any more.
    async fn run(mut self, must_say_yes: bool, finish: &CancellationToken) {
        let mut buffer = Vec::with_capacity(READ_BYTES);
        if must_say_yes {
            buffer.push(YES);
        }
        let mut frames = Vec::new();
        let mut is_finishing = false;
        loop {
            if !buffer.is_empty() && self.write(&buffer).await.is_none() {
                return;
            }
            buffer.clear();
            buffer.shrink_to(WRITE_BYTES);
            tokio::select! {
                biased;
                taken = self.queue.recv_many(&mut frames, FRAMES_PER_WRITE) => if taken == 0 { break },
                () = finish.cancelled(), if !is_finishing => {
                    is_finishing = true;
                    self.queue.close();
                }
            }
            for frame in frames.drain(..) {
                self.counters.sent(frame.len());
                self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
                buffer.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes());
                buffer.extend_from_slice(&frame);
                if buffer.len() >= WRITE_BYTES {
                    if self.write(&buffer).await.is_none() {
                        return;
                    }
                    buffer.clear();
                }
            }
        }
        let _ = timeout(millis(STREAM_DRAIN_MS), self.half.close()).await;
    }

    /// `None` when the stream is broken or the peer takes no byte for too long.
    async fn write(&mut self, mut bytes: &[u8]) -> Option<()> {
        while !bytes.is_empty() {
            let written = timely(self.half.write(bytes)).await?;
            self.pulse.sent.fetch_add(written as u64, Ordering::Relaxed);
            bytes = bytes.get(written..).filter(|_| written > 0)?;
        }
        timely(self.half.flush()).await
    }
}

/// Frames taken from the queue at a time.
const FRAMES_PER_WRITE: usize = 128;

pub(super) async fn timely<T>(io: impl Future<Output = std::io::Result<T>>) -> Option<T> {
    timeout(millis(STREAM_STALL_MS), io).await.ok()?.ok()
}

pub(super) fn millis(ms: Millis) -> Duration {
    Duration::from_millis(ms)
}

/// Figures since the start, counted by all links.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    frames_in: AtomicU64,
    bytes_in: AtomicU64,
    frames_out: AtomicU64,
    bytes_out: AtomicU64,
    cut_off: AtomicU64,
}

impl Counters {
    fn taken(&self, bytes: usize) {
        self.frames_in.fetch_add(1, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn sent(&self, bytes: usize) {
        self.frames_out.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            connections: read(&self.connections),
            frames_in: read(&self.frames_in),
            bytes_in: read(&self.bytes_in),
            frames_out: read(&self.frames_out),
            bytes_out: read(&self.bytes_out),
            cut_off: read(&self.cut_off),
        }
    }
}
