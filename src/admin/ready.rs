//! Whether requests should be sent here.

use super::Source;
use crate::gateway::Rules;
use crate::revocation::Feed;
use crate::token::Kind;

/// What keeps the gateway from being ready, for people; nothing, if it is.
///
/// Its listeners are bound and its table is valid, or it would not have come this far. An upstream or an
/// issuer that is asked may be away from every replica at once, so neither counts.
pub fn missing(source: &Source) -> Vec<String> {
    let mut missing = Vec::new();
    if source
        .is_stopping
        .load(std::sync::atomic::Ordering::Relaxed)
    {
        missing.push("it is stopping".to_owned());
    }
    let lost = source.occupancy.lost_workers();
    if lost > 0 {
        missing.push(format!("{lost} workers have ended by a panic"));
    }
    let snapshot = source.snapshot();
    missing.extend(missing_keys(&snapshot.rules));
    // Where requests are served without it, they should be sent here, too.
    let revocation = snapshot.rules.revocation().map(Feed::health);
    if revocation.is_some_and(|list| list.is_required && !list.is_available) {
        missing.push("the list of revoked tokens".to_owned());
    }
    missing
}

fn missing_keys(rules: &Rules) -> impl Iterator<Item = String> {
    let feeds = rules.issuers().iter().filter_map(|issuer| {
        let feed = match &issuer.kind {
            Kind::Jwt(jwt) => &jwt.keys,
            Kind::KeystoneJws(keystone) => &keystone.keys,
            Kind::Online(online) => &online.keystone.as_ref()?.keys,
            // Those of its members are fetched when a token first names them.
            Kind::Family(_) => return None,
        };
        Some((&issuer.name, feed))
    });
    feeds
        .filter(|(_, feed)| feed.health().keys.is_none())
        .map(|(name, _)| format!("the keys of {name}"))
}
