//! Where clients are waited for.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net as unix;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::task::{Context, Poll, ready};

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::socket::Unregistered;
use crate::audit::PeerAddress;

/// Connections the kernel holds until they are accepted.
const BACKLOG: u32 = 4096;

/// A place to listen at.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Address {
    /// TCP; port 0 lets the system choose.
    Ip(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
    /// What systemd has opened: the sockets of this name, or all.
    Systemd(Option<String>),
}

/// Not an [`Address`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not an address and a port.
    #[error(transparent)]
    Ip(#[from] std::net::AddrParseError),
    /// `unix:` or `systemd:` and no more.
    #[error("nothing follows `{0}`")]
    Empty(&'static str),
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        match text.split_once(':') {
            Some(("unix", "")) => Err(InvalidAddress::Empty("unix:")),
            Some(("unix", path)) => Ok(Self::Unix(path.into())),
            Some(("systemd", "")) => Err(InvalidAddress::Empty("systemd:")),
            Some(("systemd", name)) => Ok(Self::Systemd(Some(name.to_owned()))),
            None if text == "systemd" => Ok(Self::Systemd(None)),
            _ => Ok(Self::Ip(text.parse()?)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(None) => f.write_str("systemd"),
            Self::Systemd(Some(name)) => write!(f, "systemd:{name}"),
        }
    }
}

/// An address that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    address: Address,
    source: io::Error,
}

/// A bound socket.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix {
        /// Removed at the end, if it is ours. Before the listener: until that is closed, nobody else's
        /// file has its inode.
        file: Option<SocketFile>,
        listener: UnixListener,
    },
}

/// The same without a runtime: the kernel is asked, not tokio.
#[derive(Debug)]
pub enum Unwatched {
    Tcp(std::net::TcpListener),
    Unix {
        _file: Option<SocketFile>,
        listener: unix::UnixListener,
    },
}

/// A client's socket and who is at its other end.
#[derive(Debug)]
pub struct Accepted {
    pub socket: Unregistered,
    pub peer: PeerAddress,
}

/// The file of a Unix socket, for as long as it is listened on.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            inode: fs::symlink_metadata(path)?.ino(),
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another may listen at the same place by now.
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| found.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds all of them; Unix sockets get these permissions.
///
/// # Errors
///
/// The first that cannot be had.
pub fn bind_all(addresses: &[Address], unix_mode: u32) -> Result<Vec<Listener>, ListenError> {
    let mut handed_over = HandedOver::from_environment();
    let mut listeners = Vec::new();
    for address in addresses {
        let bound = match address {
            Address::Ip(address) => bind_tcp(*address).map(|listener| vec![listener]),
            Address::Unix(path) => bind_unix(path, unix_mode).map(|listener| vec![listener]),
            Address::Systemd(name) => handed_over.take(name.as_deref()),
        };
        let failed = |source| ListenError {
            address: address.clone(),
            source,
        };
        listeners.extend(bound.map_err(failed)?);
    }
    Ok(listeners)
}

fn bind_tcp(address: SocketAddr) -> io::Result<Listener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(Listener::Tcp(socket.listen(BACKLOG)?))
}

fn bind_unix(path: &Path, mode: u32) -> io::Result<Listener> {
    remove_stale(path)?;
    // Nobody may connect between `bind` and `chmod` who may not afterwards: the socket is made under
    // a name that nobody knows and gets its own once its mode is right.
    let mut hidden = path.as_os_str().to_owned();
    hidden.push(format!(".{:08x}", fastrand::u32(..)));
    let listener = UnixListener::bind(&hidden)?;
    let hidden = SocketFile::at(Path::new(&hidden))?;
    fs::set_permissions(&hidden.path, Permissions::from_mode(mode))?;
    fs::rename(&hidden.path, path)?;
    Ok(Listener::Unix {
        listener,
        file: Some(SocketFile::at(path)?),
    })
}

/// Removes a socket that a process has left behind; one that is listened on, and any other file,
/// stays.
fn remove_stale(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file that is not a socket",
        ));
    }
    match unix::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// The sockets of `LISTEN_FDS`, each to be had once.
struct HandedOver {
    sockets: ListenFd,
    names: Vec<String>,
}

impl HandedOver {
    fn from_environment() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        Self {
            sockets: ListenFd::from_env(),
            names: names.split(':').map(str::to_owned).collect(),
        }
    }

    fn take(&mut self, name: Option<&str>) -> io::Result<Vec<Listener>> {
        let mut listeners = Vec::new();
        for index in 0..self.sockets.len() {
            let own = self.names.get(index).map(String::as_str);
            if name.is_none() || name == own {
                listeners.extend(self.take_one(index)?);
            }
        }
        if listeners.is_empty() {
            let message = "systemd has handed over no such socket";
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        Ok(listeners)
    }

    fn take_one(&mut self, index: usize) -> io::Result<Option<Listener>> {
        if let Ok(tcp) = self.sockets.take_tcp_listener(index) {
            let Some(tcp) = tcp else { return Ok(None) };
            tcp.set_nonblocking(true)?;
            return Ok(Some(Listener::Tcp(TcpListener::from_std(tcp)?)));
        }
        let Some(unix) = self.sockets.take_unix_listener(index)? else {
            return Ok(None);
        };
        unix.set_nonblocking(true)?;
        Ok(Some(Listener::Unix {
            listener: UnixListener::from_std(unix)?,
            file: None,
        }))
    }
}

impl Listener {
    /// What is listened on.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Ip),
            Self::Unix {
                file: Some(file), ..
            } => Ok(Address::Unix(file.path.clone())),
            Self::Unix { listener, .. } => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().unwrap_or(Path::new(""));
                Ok(Address::Unix(path.to_owned()))
            }
        }
    }

    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        Poll::Ready(match self {
            Self::Tcp(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(context))?;
                of_tcp(stream.into_std()?, peer)
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = ready!(listener.poll_accept(context))?;
                Ok(of_unix(stream.into_std()?))
            }
        })
    }

    pub fn into_unwatched(self) -> io::Result<Unwatched> {
        Ok(match self {
            Self::Tcp(listener) => Unwatched::Tcp(listener.into_std()?),
            Self::Unix { listener, file } => Unwatched::Unix {
                listener: listener.into_std()?,
                _file: file,
            },
        })
    }
}

impl Unwatched {
    /// Who is waiting now; never waits itself.
    pub fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                of_tcp(stream, peer)
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(of_unix(stream))
            }
        }
    }
}

fn of_tcp(stream: std::net::TcpStream, peer: SocketAddr) -> io::Result<Accepted> {
    stream.set_nodelay(true)?;
    Ok(Accepted {
        socket: Unregistered::Tcp(stream),
        peer: peer.ip().into(),
    })
}

fn of_unix(stream: unix::UnixStream) -> Accepted {
    Accepted {
        socket: Unregistered::Unix(stream),
        peer: PeerAddress::Unix,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in [
            "127.0.0.1:8080",
            "[::1]:0",
            "unix:/run/gate",
            "unix:gate",
            "systemd",
            "systemd:web",
        ] {
            let read = text.parse::<Address>().map(|address| address.to_string());
            assert_eq!(read.as_deref(), Ok(text));
        }
        for text in [
            "",
            "8080",
            "localhost:80",
            "127.0.0.1",
            "systemd2",
            "Unix:/x",
        ] {
            let refused = text.parse::<Address>();
            assert!(matches!(refused, Err(InvalidAddress::Ip(_))), "{text:?}");
        }
        for prefix in ["unix:", "systemd:"] {
            let refused = prefix.parse::<Address>();
            assert_eq!(refused, Err(InvalidAddress::Empty(prefix)));
        }
    }
}
