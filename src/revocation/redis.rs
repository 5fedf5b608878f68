//! A list in a set of a Redis or Valkey: its members are the entries, its channel tells of changes.
//!
//! One connection, which speaks RESP3: subscribed first, so that nothing is missed between reading the
//! set and hearing of its changes.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, ProtocolVersion, PushInfo, RedisConnectionInfo};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::document::parse_members;
use super::feed::Publisher;
use super::list::Revocations;
use super::{MAX_ENTRIES, MAX_SIZE, RedisSettings, RevocationError};
use crate::tls;
use crate::token::{FetchError, Secret, connect as connect_to, unix_time};

/// From name resolution to the login.
const CONNECT: Duration = Duration::from_secs(3);
/// One command.
const ANSWER: Duration = Duration::from_secs(5);
/// Changes that come close together are read together.
const GATHER: Duration = Duration::from_millis(20);
/// The least wait before connecting again; up to twice that, so that a fleet does not come at once.
const RETRY: Duration = Duration::from_millis(200);

/// How the connection is encrypted, if it is.
#[derive(Clone, Copy, Debug)]
pub struct Tls<'a> {
    pub client: Option<&'a tls::Client>,
    /// Whether its files are read again for each connection.
    pub is_reread: bool,
}

/// Publishes the list at each change, and at least every `refresh`; never ends.
pub async fn follow(
    settings: &RedisSettings,
    tls: Tls<'_>,
    refresh: Duration,
    publisher: &Publisher,
) {
    loop {
        let Err(error) = follow_once(settings, tls, refresh, publisher).await;
        publisher.failed(&error);
        tokio::time::sleep(RETRY.mul_f64(1.0 + fastrand::f64())).await;
    }
}

/// Follows on one connection, until it fails.
async fn follow_once(
    settings: &RedisSettings,
    tls: Tls<'_>,
    refresh: Duration,
    publisher: &Publisher,
) -> Result<std::convert::Infallible, RevocationError> {
    let changed = Arc::new(Notify::new());
    let (mut connection, driver) = connect(settings, tls, &changed).await?;
    let following = async {
        connection.subscribe(&settings.key).await?;
        loop {
            match read(&mut connection, &settings.key, publisher.current()).await {
                Ok(list) => publisher.seen(list),
                Err(RevocationError::Redis(error)) if error.is_io_error() => {
                    return Err(error.into());
                }
                // Somebody will mend the set, and say so.
                Err(error) => publisher.failed(&error),
            }
            if tokio::time::timeout(refresh, changed.notified())
                .await
                .is_ok()
            {
                tokio::time::sleep(GATHER).await;
            }
        }
    };
    tokio::select! {
        () = driver => Err(RevocationError::Closed),
        ended = following => ended,
    }
}

/// Reads the list once; nothing, if it is the same as `known`.
///
/// # Errors
///
/// Why it cannot be had.
pub async fn read_once(
    settings: &RedisSettings,
    tls: Tls<'_>,
    known: Option<Arc<Revocations>>,
) -> Result<Option<Arc<Revocations>>, RevocationError> {
    let (mut connection, driver) = connect(settings, tls, &Arc::default()).await?;
    tokio::select! {
        () = driver => Err(RevocationError::Closed),
        list = read(&mut connection, &settings.key, known) => list,
    }
}

/// Moves what comes and goes on a connection, until that ends.
type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn connect(
    settings: &RedisSettings,
    tls: Tls<'_>,
    changed: &Arc<Notify>,
) -> Result<(MultiplexedConnection, Driver), RevocationError> {
    if let (Some(client), true) = (tls.client, tls.is_reread) {
        client.reload().map_err(FetchError::from)?;
    }
    // The library does not say so in words of ours, and would send its name.
    let mut login = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_skip_set_lib_name()
        .set_db(settings.database());
    if let Some(name) = &settings.username {
        login = login.set_username(name);
    }
    if let Some(path) = &settings.password {
        login = login.set_password(Secret::read(path)?.reveal());
    }
    let changed = Arc::clone(changed);
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(Some(ANSWER))
        .set_push_sender(move |_: PushInfo| {
            changed.notify_one();
            Ok::<_, std::convert::Infallible>(())
        });
    let connecting = async {
        let stream = connect_to(&settings.uri, tls.client).await?;
        let connected = MultiplexedConnection::new_with_config(&login, stream, config).await;
        let (connection, driver) = connected?;
        Ok((connection, Box::pin(driver) as Driver))
    };
    let connected = tokio::time::timeout(CONNECT, connecting).await;
    connected.unwrap_or(Err(RevocationError::Timeout(CONNECT)))
}

async fn read(
    connection: &mut MultiplexedConnection,
    key: &str,
    known: Option<Arc<Revocations>>,
) -> Result<Option<Arc<Revocations>>, RevocationError> {
    let count: usize = Cmd::new()
        .arg("SCARD")
        .arg(key)
        .query_async(connection)
        .await?;
    if count > MAX_ENTRIES + 1 {
        return Err(RevocationError::TooMany);
    }
    // All of one moment: of a set that is emptied meanwhile, a scan would find a part.
    let members: HashSet<String> = Cmd::new()
        .arg("SMEMBERS")
        .arg(key)
        .query_async(connection)
        .await?;
    if members.len() > MAX_ENTRIES + 1 {
        return Err(RevocationError::TooMany);
    }
    if members
        .iter()
        .map(|member| member.len() as u64)
        .sum::<u64>()
        > MAX_SIZE
    {
        return Err(RevocationError::TooLarge);
    }
    let now = unix_time();
    let parsed = spawn_blocking(move || {
        let list = parse_members(members, now)?;
        let is_known = known.is_some_and(|known| *known == list);
        Ok((!is_known).then(|| Arc::new(list)))
    });
    parsed.await.map_err(|_| RevocationError::Panic)?
}
