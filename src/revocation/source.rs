//! Keeps a list fresh, on the control thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use hyper::Uri;
use hyper::header::HeaderValue;
use tokio::task::spawn_blocking;

use super::document::{Parsed, parse};
use super::feed::{Feed, Publisher};
use super::list::Revocations;
use super::redis;
use super::{Location, MAX_SIZE, RevocationError, Settings};
use crate::file::Mark;
use crate::tls;
use crate::token::{
    FetchError, Fetched, KeySet, TokenError, Wanted, fetch, read_file_within, signed_payload,
    unix_time,
};

/// The whole fetch of a list, from name resolution to the last byte.
const DEADLINE: Duration = Duration::from_secs(30);
/// How soon a list is looked for again that could not be had.
const RETRY: Duration = Duration::from_secs(5);
/// The `typ` of a signed list (RFC 8725 §3.11): no token of the same key is one.
const TYPE: &str = "revocations+jwt";
/// The most bytes of the key set that lists are signed with.
const MAX_KEYS_SIZE: u64 = 512 * 1024;

/// Looks for a list and publishes it.
#[derive(Debug)]
pub struct Source {
    settings: Settings,
    tls: Option<tls::Client>,
    publisher: Arc<Publisher>,
    known: Known,
}

/// By what the list in use is recognized.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Of the files that it was read from.
    marks: Vec<Option<Mark>>,
    /// Its text, with that of the keys.
    digest: Option<[u8; 32]>,
    etag: Option<HeaderValue>,
    keys: Option<Bytes>,
    issued_at: Option<u64>,
}

impl Source {
    /// Prepares to look; no list is there yet.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be read.
    pub fn new(settings: Settings) -> Result<(Self, Feed), RevocationError> {
        let scheme = match &settings.location {
            Location::File(..) => None,
            Location::Url(uri, _) => uri.scheme_str(),
            Location::Redis(redis) => redis.uri.scheme_str(),
        };
        let is_encrypted = matches!(scheme, Some("https" | "rediss"));
        let tls = is_encrypted.then(|| tls::Client::trusting(settings.ca.as_deref(), &[]));
        let tls = tls.transpose().map_err(FetchError::from)?;
        let (publisher, feed) = Publisher::new(&settings);
        let source = Self {
            settings,
            tls,
            publisher: Arc::new(publisher),
            known: Known::default(),
        };
        Ok((source, feed))
    }

    /// Where the list comes from.
    pub fn location(&self) -> &Location {
        &self.settings.location
    }

    /// Looks once.
    ///
    /// # Errors
    ///
    /// Why the list cannot be had; the last good one stays.
    pub async fn refresh(&mut self) -> Result<(), RevocationError> {
        let found = self.look().await;
        match &found {
            Ok(list) => self.publisher.seen(list.clone()),
            Err(error) => self.publisher.failed(error),
        }
        found.map(|_| ())
    }

    /// Ready when the list was looked for once, with or without success.
    pub fn first_attempt(&self) -> impl Future<Output = ()> + use<> {
        self.publisher.first_attempt()
    }

    /// Keeps the list fresh until every feed is gone.
    pub async fn maintain(mut self) {
        let publisher = Arc::clone(&self.publisher);
        tokio::select! {
            () = publisher.closed() => {}
            () = publisher.watch_age() => {}
            () = self.keep_fresh() => {}
        }
    }

    async fn keep_fresh(&mut self) {
        let refresh = self.settings.refresh;
        if let Location::Redis(settings) = &self.settings.location {
            redis::follow(settings, self.tls(), refresh, &self.publisher).await;
        }
        loop {
            let wait = match self.refresh().await {
                Ok(()) => refresh,
                Err(_) => refresh.min(RETRY),
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn tls(&self) -> redis::Tls<'_> {
        redis::Tls {
            client: self.tls.as_ref(),
            is_reread: self.settings.ca.is_some(),
        }
    }

    /// The list, if it is another than the one in use.
    async fn look(&mut self) -> Result<Option<Arc<Revocations>>, RevocationError> {
        match self.settings.location.clone() {
            Location::File(path, keys) => {
                let known = self.known.clone();
                self.read(move || read_file(&path, keys.as_deref(), known))
                    .await
            }
            Location::Url(uri, keys) => self.fetch(&uri, keys).await,
            Location::Redis(settings) => {
                redis::read_once(&settings, self.tls(), self.publisher.current()).await
            }
        }
    }

    async fn fetch(
        &mut self,
        uri: &Uri,
        keys: Option<PathBuf>,
    ) -> Result<Option<Arc<Revocations>>, RevocationError> {
        if let (Some(tls), true) = (&self.tls, self.settings.ca.is_some()) {
            tls.reload().map_err(FetchError::from)?;
        }
        let keys = keys.map(|path| Ok::<_, FetchError>((read_keys(&path)?, path)));
        let keys = keys.transpose()?;
        let mut known = self.known.clone();
        // A list that was signed by a key which is not here any more is to be held against the others.
        let has_same_keys = known.keys == keys.as_ref().map(|(text, _)| text.clone());
        let wanted = Wanted {
            accept: match keys {
                Some(_) => "application/jwt, application/jose",
                None => "application/json",
            },
            etag: known.etag.take().filter(|_| has_same_keys),
            max_size: MAX_SIZE,
            deadline: DEADLINE,
        };
        match fetch(uri, self.tls.as_ref(), &wanted).await? {
            Fetched::Unchanged => Ok(None),
            Fetched::Whole(text, etag) => {
                known.etag = etag;
                self.read(move || read(&text, keys.as_ref(), known)).await
            }
        }
    }

    /// Reads on a thread of its own: a list of a million entries takes a second.
    async fn read(
        &mut self,
        read: impl FnOnce() -> Result<(Option<Revocations>, Known), RevocationError> + Send + 'static,
    ) -> Result<Option<Arc<Revocations>>, RevocationError> {
        let (list, known) = spawn_blocking(read)
            .await
            .map_err(|_| RevocationError::Panic)??;
        self.known = known;
        Ok(list.map(Arc::new))
    }
}

fn read_keys(path: &Path) -> Result<Bytes, FetchError> {
    read_file_within(path, MAX_KEYS_SIZE)
}

fn read_file(
    path: &Path,
    keys: Option<&Path>,
    mut known: Known,
) -> Result<(Option<Revocations>, Known), RevocationError> {
    // Before the files are read: what changes meanwhile is seen at the next look.
    let marks: Vec<Option<Mark>> = std::iter::once(path).chain(keys).map(Mark::at).collect();
    if known.marks == marks && marks.iter().all(Option::is_some) {
        return Ok((None, known));
    }
    let text = read_file_within(path, MAX_SIZE)?;
    let keys = keys.map(|path| Ok::<_, FetchError>((read_keys(path)?, path.to_owned())));
    known.marks = marks;
    read(&text, keys.transpose()?.as_ref(), known)
}

/// Reads `text`, which has to be signed by one of `keys`, if there are any; nothing, if it is known.
fn read(
    text: &Bytes,
    keys: Option<&(Bytes, PathBuf)>,
    mut known: Known,
) -> Result<(Option<Revocations>, Known), RevocationError> {
    let mut digest = Context::new(&SHA256);
    for text in keys.iter().map(|(keys, _)| keys).chain([text]) {
        digest.update(&(text.len() as u64).to_be_bytes());
        digest.update(text);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.finish().as_ref());
    known.keys = keys.map(|(text, _)| text.clone());
    if known.digest.replace(bytes) == Some(bytes) {
        return Ok((None, known));
    }
    let now = unix_time();
    let Parsed { list, issued_at } = match keys {
        None => parse(text, now)?,
        Some((keys, path)) => {
            let parsed = parse(&open(text, keys, path)?, now)?;
            if parsed.issued_at.is_none() {
                return Err(RevocationError::NoTime);
            }
            parsed
        }
    };
    if let (Some(found), Some(known)) = (issued_at, known.issued_at)
        && found < known
    {
        return Err(RevocationError::Older { found, known });
    }
    known.issued_at = issued_at;
    Ok((Some(list), known))
}

/// What one of the keys has signed.
fn open(text: &[u8], keys: &[u8], path: &Path) -> Result<Vec<u8>, RevocationError> {
    let keys = KeySet::parse(keys).map_err(FetchError::from)?;
    let text = std::str::from_utf8(text)
        .map_err(|_| RevocationError::Form(TokenError::Malformed("it is not text".to_owned())))?;
    signed_payload(&keys, TYPE, text.trim_end()).map_err(|error| match error {
        TokenError::Signature => RevocationError::Signature(path.display().to_string()),
        error => RevocationError::Form(error),
    })
}
