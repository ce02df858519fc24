//! What stands between the nodes of a mesh: one gate in front of each node, and the state of every way between two of them.
//!
//! A node listens on a port that nobody is told; its cards name its gate. Nodes dial from the port they listen on (libp2p
//! reuses it), so a gate knows who calls. A caller it cannot tell is let through only while nothing is cut.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// How the way from one node to another is. The default is open and fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Whether anything passes.
    pub flow: Flow,
    /// How long every byte takes.
    pub delay: Duration,
    /// How many bytes pass in a second; none for as many as the machine can.
    pub bytes_per_second: Option<u64>,
    /// Each connection is reset after so many bytes.
    pub reset_after: Option<u64>,
    /// Each connection loses one piece after so many bytes, and goes on.
    pub lose_after: Option<u64>,
}

/// Whether anything passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Yes.
    #[default]
    Open,
    /// Connections are reset, new ones refused.
    Cut,
    /// Connections stay, and not a byte arrives: a cable that was pulled. What waits goes on when the way is open again.
    Silent,
}

/// The state of every way, by the numbers of the two nodes.
pub(super) struct Links {
    ways: Mutex<BTreeMap<(usize, usize), Link>>,
    /// The port each node dials from.
    callers: Mutex<BTreeMap<u16, usize>>,
    changed: watch::Sender<u64>,
}

impl Links {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { ways: Mutex::default(), callers: Mutex::default(), changed: watch::Sender::new(0) })
    }

    pub(super) fn set(&self, from: usize, to: usize, link: Link) {
        locked(&self.ways).insert((from, to), link);
        self.changed.send_modify(|count| *count += 1);
    }

    pub(super) fn heal(&self) {
        locked(&self.ways).clear();
        self.changed.send_modify(|count| *count += 1);
    }

    pub(super) fn get(&self, from: usize, to: usize) -> Link {
        locked(&self.ways).get(&(from, to)).copied().unwrap_or_default()
    }

    /// Whether bytes pass both ways.
    pub(super) fn is_open(&self, a: usize, b: usize) -> bool {
        self.get(a, b).flow == Flow::Open && self.get(b, a).flow == Flow::Open
    }

    /// From now on, who dials from this port is this node.
    pub(super) fn calls_from(&self, port: u16, node: usize) {
        locked(&self.callers).retain(|_, known| *known != node);
        locked(&self.callers).insert(port, node);
    }

    /// Whether a connection from this caller may stand.
    fn stands(&self, caller: Option<usize>, target: usize) -> bool {
        match caller {
            Some(caller) => self.get(caller, target).flow != Flow::Cut,
            None => locked(&self.ways).iter().all(|((from, to), link)| link.flow == Flow::Open || (*from != target && *to != target)),
        }
    }

    /// Returns once the connection may no longer stand.
    async fn severed(&self, caller: Option<usize>, target: usize) {
        let mut changed = self.changed.subscribe();
        while self.stands(caller, target) && changed.changed().await.is_ok() {}
    }

    /// Returns once bytes pass.
    async fn flows(&self, from: usize, to: usize) {
        let mut changed = self.changed.subscribe();
        while self.get(from, to).flow != Flow::Open && changed.changed().await.is_ok() {}
    }
}

/// Stands in front of one node for as long as the mesh does, also while the node is down.
pub(super) struct Gate {
    address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
    task: JoinHandle<()>,
}

impl Gate {
    pub(super) async fn open(node: usize, links: Arc<Links>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let target = Arc::new(Mutex::new(None));
        let task = tokio::spawn(serve(listener, node, Arc::clone(&target), links));
        Ok(Self { address, target, task })
    }

    /// What the node's cards name.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the node listens, or nowhere while it is down.
    pub(super) fn lead_to(&self, target: Option<SocketAddr>) {
        *locked(&self.target) = target;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, node: usize, target: Arc<Mutex<Option<SocketAddr>>>, links: Arc<Links>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((inbound, from)) = accepted else { continue };
                let caller = locked(&links.callers).get(&from.port()).copied();
                let target = *locked(&target);
                match target.filter(|_| links.stands(caller, node)) {
                    Some(target) => { connections.spawn(carry(inbound, target, caller, node, Arc::clone(&links))); }
                    None => reset(&inbound),
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until an end closes it or the way is cut.
async fn carry(mut inbound: TcpStream, target: SocketAddr, caller: Option<usize>, node: usize, links: Arc<Links>) {
    let Ok(mut outbound) = TcpStream::connect(target).await else { return reset(&inbound) };
    let _ = (inbound.set_nodelay(true), outbound.set_nodelay(true));
    // A caller that cannot be told is carried as if it were the node itself, whose way to itself nobody changes.
    let there = Way { from: caller.unwrap_or(node), to: node };
    let back = Way { from: there.to, to: there.from };
    let broken = {
        let (inbound_read, inbound_write) = inbound.split();
        let (outbound_read, outbound_write) = outbound.split();
        tokio::select! {
            () = links.severed(caller, node) => true,
            ended = async { tokio::try_join!(pump(inbound_read, outbound_write, there, &links), pump(outbound_read, inbound_write, back, &links)) } => ended.is_err(),
        }
    };
    if broken {
        reset(&inbound);
        reset(&outbound);
    }
}

/// One direction between two nodes.
#[derive(Clone, Copy)]
struct Way {
    from: usize,
    to: usize,
}

/// Carries the bytes of one direction as its link says.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, way: Way, links: &Links) -> io::Result<()> {
    let (queue, mut waiting) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_WAITING_MAX);
    let take = async move {
        let mut piece = vec![0; PIECE_BYTES_MAX];
        loop {
            let length = from.read(&mut piece).await?;
            let due = Instant::now() + links.get(way.from, way.to).delay;
            if length == 0 || queue.send((due, piece[..length].to_vec())).await.is_err() {
                return io::Result::Ok(());
            }
        }
    };
    let give = async move {
        let mut passed = 0_u64;
        while let Some((due, piece)) = waiting.recv().await {
            tokio::time::sleep_until(due).await;
            links.flows(way.from, way.to).await;
            let link = links.get(way.from, way.to);
            if let Some(rate) = link.bytes_per_second {
                tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / rate.max(1) as f64)).await;
            }
            let before = passed;
            passed += piece.len() as u64;
            let reaches = |mark: Option<u64>| mark.is_some_and(|mark| before < mark && mark <= passed);
            if reaches(link.reset_after) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            if !reaches(link.lose_after) {
                to.write_all(&piece).await?;
            }
        }
        to.shutdown().await
    };
    tokio::try_join!(take, give).map(|_| ())
}

/// Makes the end of a connection a reset, which leaves nothing waiting in the system.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes carried in one piece.
const PIECE_BYTES_MAX: usize = 16 * 1024;
/// Pieces on their way in one direction of one connection: as many as fill a slow, wide link.
const PIECES_WAITING_MAX: usize = 64;
