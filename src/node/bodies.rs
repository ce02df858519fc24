//! Bodies of media between disk and wire. One task for each peer that is asked for pieces, one for each stream that is served; each has at most a
//! few pieces in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use crate::net::{BodyReader, BodyStream, BodyWriter, Incoming, Opener};
use crate::proto::Fetched;
use crate::store::{Blobs, Put, Sink, Source, Store};
use crate::types::limits::{ASKS_MAX, BODY_IDLE_MS, BODY_STREAMS_MAX, BODY_STREAMS_OF_PEER_MAX, FETCHES_MAX};
use crate::types::{BlobId, Millis, PeerId, Table, View as _};
use crate::wire::blob::{Ask, Bits, Lack, Piece, Stored, bits_key};
use crate::wire::frame::Frame;
use crate::wire::row;

/// What the node wants of a peer.
#[derive(Clone, Debug)]
struct Wanted {
    blob: BlobId,
    pieces: Vec<u32>,
}

/// All of it.
pub(super) struct Bodies {
    store: Store,
    blobs: Blobs,
    opener: Opener,
    lanes: BTreeMap<PeerId, mpsc::Sender<Wanted>>,
    done: mpsc::Sender<Fetched>,
    came: mpsc::Receiver<Fetched>,
    tasks: JoinSet<()>,
}

impl Bodies {
    pub(super) fn new(store: Store, blobs: Blobs, opener: Opener, incoming: mpsc::Receiver<Incoming>, given: Arc<AtomicU64>) -> Self {
        let (done, came) = mpsc::channel(FETCHES_MAX * ASKS_MAX * 4);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_all(store.clone(), blobs.clone(), incoming, given));
        Self { store, blobs, opener, lanes: BTreeMap::new(), done, came, tasks }
    }

    /// Has a peer asked for pieces.
    pub(super) fn fetch(&mut self, from: PeerId, blob: BlobId, pieces: Vec<u32>) {
        let mut wanted = Wanted { blob, pieces };
        for _ in 0..2 {
            let lane = self.lanes.entry(from).or_insert_with(|| {
                let (lane, queue) = mpsc::channel(LANE_MAX);
                let fetcher = Fetcher { from, store: self.store.clone(), blobs: self.blobs.clone(), done: self.done.clone() };
                self.tasks.spawn(fetcher.run(self.opener.clone(), queue));
                lane
            });
            match lane.try_send(wanted) {
                Ok(()) => return,
                // A peer that is asked for too much at once: the node asks again after a while.
                Err(mpsc::error::TrySendError::Full(_)) => return,
                Err(mpsc::error::TrySendError::Closed(back)) => {
                    wanted = back;
                    self.lanes.remove(&from);
                }
            }
        }
    }

    /// A peer is gone: what was asked of it does not come, and the next ask needs a stream of its next connection.
    pub(super) fn on_down(&mut self, peer: &PeerId) {
        self.lanes.remove(peer);
    }

    /// Removes a blob's file, off the loop.
    pub(super) fn forget(&mut self, blob: BlobId) {
        let (blobs, store) = (self.blobs.clone(), self.store.clone());
        self.tasks.spawn_blocking(move || {
            // It may be wanted again by now.
            if let Err(error) = blobs.remove_unless(&blob, || store.get(Table::Blob, &blob.0).is_some()) {
                tracing::warn!(%error, "the file of a body that nobody needs could not be removed");
            }
        });
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> Option<Fetched> {
        while self.tasks.try_join_next().is_some() {}
        self.came.recv().await
    }
}

/// Asks that wait for one peer: those of all blobs under way.
const LANE_MAX: usize = FETCHES_MAX * ASKS_MAX * 4;

/// What is known of a blob here.
fn stored(store: &Store, blob: &BlobId) -> Option<Stored> {
    store.get(Table::Blob, &blob.0).and_then(|bytes| row::decode(&bytes).ok())
}

/// Asks one peer for pieces.
struct Fetcher {
    from: PeerId,
    store: Store,
    blobs: Blobs,
    done: mpsc::Sender<Fetched>,
}

impl Fetcher {
    /// Until nothing is wanted for a while, or the stream breaks: then what was asked for did not come.
    async fn run(self, opener: Opener, mut queue: mpsc::Receiver<Wanted>) {
        if let Some(stream) = opener.open(self.from).await {
            let (reader, writer) = stream.split();
            let (asked, answers) = mpsc::channel(LANE_MAX);
            // One is synced while the next one is read.
            let (written, unsynced) = mpsc::channel(1);
            let writing = write_asks(&mut queue, writer, asked);
            tokio::join!(writing, self.read_all(reader, answers, written), self.sync_all(unsynced));
        }
        queue.close();
        while let Ok(wanted) = queue.try_recv() {
            self.tell(wanted, Came::default()).await;
        }
    }

    async fn tell(&self, wanted: Wanted, came: Came) {
        let Came { got, is_false, waited_ms } = came;
        let _ = self.done.send(Fetched { from: self.from, blob: wanted.blob, asked: wanted.pieces, got, is_false, waited_ms }).await;
    }

    async fn read_all(&self, mut reader: BodyReader, mut answers: mpsc::Receiver<(Wanted, Instant)>, written: mpsc::Sender<Unsynced>) {
        let mut is_broken = false;
        while let Some((wanted, since)) = answers.recv().await {
            let (sink, came) = if is_broken {
                (None, Came::default())
            } else {
                let (sink, came, is_over) = self.read(&mut reader, &wanted, since).await;
                is_broken = is_over;
                (sink, came)
            };
            if is_broken {
                answers.close();
            }
            let _ = written.send(Unsynced { wanted, sink, came }).await;
        }
    }

    /// The answers to one ask, written; and whether the stream is of no use any more.
    async fn read(&self, reader: &mut BodyReader, wanted: &Wanted, since: Instant) -> (Option<Sink>, Came, bool) {
        let (store, blobs, blob) = (self.store.clone(), self.blobs.clone(), wanted.blob);
        let open = move || blobs.sink(&blob, || Some(stored(&store, &blob).filter(|_| !store.is_disk_full())?.listing)).ok().flatten();
        // A blob that was forgotten meanwhile, or for which there is no room: its answers are read all the same.
        let mut sink = spawn_blocking(open).await.ok().flatten();
        let mut came = Came::default();
        for (nth, piece) in wanted.pieces.iter().enumerate() {
            let frame = reader.read().await;
            if nth == 0 {
                came.waited_ms = Millis::try_from(since.elapsed().as_millis()).unwrap_or(Millis::MAX);
            }
            match frame {
                Some(Frame::Piece(bytes)) if bytes.piece == *piece => {
                    let Some(open) = sink.take() else { continue };
                    match put(open, bytes).await {
                        Some((back, Put::Written)) => {
                            sink = Some(back);
                            came.got.push(*piece);
                        }
                        Some((back, Put::Wrong)) => {
                            came.is_false = true;
                            return (Some(back), came, true);
                        }
                        None => tracing::warn!("a piece of a body could not be written"),
                    }
                }
                Some(Frame::Lack(lack)) if lack.piece == *piece => {}
                Some(_) => {
                    came.is_false = true;
                    return (sink, came, true);
                }
                None => return (sink, came, true),
            }
        }
        (sink, came, false)
    }

    /// Syncs what was written, and says so.
    async fn sync_all(&self, mut unsynced: mpsc::Receiver<Unsynced>) {
        while let Some(Unsynced { wanted, sink, mut came }) = unsynced.recv().await {
            let is_synced = match sink.filter(|_| !came.got.is_empty()) {
                Some(sink) => spawn_blocking(move || sink.sync().is_ok()).await.unwrap_or(false),
                None => false,
            };
            if !is_synced {
                came.got.clear();
            }
            self.tell(wanted, came).await;
        }
    }
}

/// The answers to an ask, on their way to the disk.
struct Unsynced {
    wanted: Wanted,
    /// `None` when nothing more could be written.
    sink: Option<Sink>,
    came: Came,
}

/// What came of an ask.
#[derive(Debug, Default)]
struct Came {
    got: Vec<u32>,
    is_false: bool,
    waited_ms: Millis,
}

async fn put(mut sink: Sink, came: Piece) -> Option<(Sink, Put)> {
    spawn_blocking(move || sink.put(came.piece, &came.bytes).ok().map(|put| (sink, put))).await.ok().flatten()
}

/// Writes each ask at once; ends when none comes for a while, or nobody reads the answers any more.
async fn write_asks(queue: &mut mpsc::Receiver<Wanted>, mut writer: BodyWriter, asked: mpsc::Sender<(Wanted, Instant)>) {
    loop {
        let wanted = tokio::select! {
            () = asked.closed() => return,
            wanted = timeout(Duration::from_millis(BODY_IDLE_MS / 2), queue.recv()) => wanted,
        };
        let Ok(Some(wanted)) = wanted else { return };
        let frame = Frame::Ask(Ask { blob: wanted.blob, pieces: wanted.pieces.clone() });
        let is_written = writer.write(&frame).await.is_some();
        // Also when it was not: the reader finds the stream broken, and says so.
        if asked.send((wanted, Instant::now())).await.is_err() || !is_written {
            return;
        }
    }
}

/// Serves every stream that comes, so many at a time.
async fn serve_all(store: Store, blobs: Blobs, mut incoming: mpsc::Receiver<Incoming>, given: Arc<AtomicU64>) {
    let room = Arc::new(Semaphore::new(BODY_STREAMS_MAX));
    let serving: Serving = Arc::default();
    let mut tasks = JoinSet::new();
    while let Some(Incoming { from, stream }) = incoming.recv().await {
        while tasks.try_join_next().is_some() {}
        let turn = Turn::begin(&serving, from);
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
        let (store, blobs, given) = (store.clone(), blobs.clone(), Arc::clone(&given));
        tasks.spawn(async move {
            tokio::select! {
                () = turn.end.cancelled() => {}
                () = serve(&store, &blobs, stream, &given) => {}
            }
            drop((permit, turn));
        });
    }
}

/// The streams that are served to each peer, oldest first.
type Serving = Arc<Mutex<BTreeMap<PeerId, VecDeque<(u64, CancellationToken)>>>>;

/// One of the streams of a peer.
struct Turn {
    serving: Serving,
    from: PeerId,
    number: u64,
    /// Comes when the peer opened newer ones.
    end: CancellationToken,
}

impl Turn {
    /// With more than `BODY_STREAMS_OF_PEER_MAX`, the oldest ends: it may be one of a connection that is gone.
    fn begin(serving: &Serving, from: PeerId) -> Self {
        let end = CancellationToken::new();
        let mut streams = serving.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = streams.entry(from).or_default();
        let number = streams.back().map_or(0, |(number, _)| number + 1);
        streams.push_back((number, end.clone()));
        if streams.len() > BODY_STREAMS_OF_PEER_MAX
            && let Some((_, oldest)) = streams.pop_front()
        {
            oldest.cancel();
        }
        Self { serving: Arc::clone(serving), from, number, end }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(streams) = serving.get_mut(&self.from) {
            streams.retain(|(number, _)| *number != self.number);
            if streams.is_empty() {
                serving.remove(&self.from);
            }
        }
    }
}

/// Answers asks with what the rows say is here, until the peer asks no more. The next piece is read while one is written.
async fn serve(store: &Store, blobs: &Blobs, mut stream: BodyStream, given: &AtomicU64) {
    while let Some(Frame::Ask(ask)) = stream.read_soon().await {
        let (store, blobs, pieces) = (store.clone(), blobs.clone(), ask.pieces);
        let (sender, mut answers) = mpsc::channel(1);
        spawn_blocking(move || {
            let body = Held::open(&store, &blobs, &ask.blob);
            let answer =
                |piece: &u32| body.as_ref().and_then(|body| body.piece(*piece)).map_or(Frame::Lack(Lack { piece: *piece }), Frame::Piece);
            // Whoever asked may be gone.
            let _ = pieces.iter().map(answer).all(|frame| sender.blocking_send(frame).is_ok());
        });
        while let Some(frame) = answers.recv().await {
            if let Frame::Piece(piece) = &frame {
                given.fetch_add(piece.bytes.len() as u64, Ordering::Relaxed);
            }
            if stream.write(&frame).await.is_none() {
                return;
            }
        }
        if stream.flush().await.is_none() {
            return;
        }
    }
}

/// A body that is here, at least in part.
struct Held {
    source: Source,
    bits: Bits,
}

impl Held {
    fn open(store: &Store, blobs: &Blobs, blob: &BlobId) -> Option<Self> {
        let stored = stored(store, blob)?;
        let bits = Bits(store.get(Table::Blob, &bits_key(blob)).unwrap_or_default());
        Some(Self { source: blobs.source(blob, stored.listing).ok()?, bits })
    }

    fn piece(&self, piece: u32) -> Option<Piece> {
        let bytes = self.bits.has(piece).then(|| self.source.piece(piece).ok()).flatten()?;
        Some(Piece { piece, bytes })
    }
}
