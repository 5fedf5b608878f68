//! What was counted, in the forms that Prometheus reads.

mod part;
mod process;
mod request;

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::Source;
use crate::metrics::{BOUNDS, Reading};

/// How metrics are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Prometheus text 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Form {
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// All metrics. Of labels only `operation`, `issuer`, `endpoint` and `file` come from the config, the
/// others from the code: none from a request.
pub fn text(source: &Source, form: Form) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families(source))));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = match form {
        Form::Prometheus => prometheus_text::encode(&mut text, &registry),
        Form::OpenMetrics => text::encode(&mut text, &registry),
    };
    text
}

#[derive(Debug)]
struct Families(Vec<Family>);

/// One metric with all its labels.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    samples: Vec<(Labels, Value)>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Value {
    Count(u64),
    Seconds(f64),
    Gauge(f64),
    Durations(Reading),
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0 {
            let mut metric =
                encoder.encode_descriptor(family.name, family.help, None, family.kind)?;
            for (labels, value) in &family.samples {
                match labels.is_empty() {
                    true => value.encode(&mut metric)?,
                    false => value.encode(&mut metric.encode_family(labels)?)?,
                }
            }
        }
        Ok(())
    }
}

impl Value {
    fn encode(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => encoder.encode_counter::<Labels, _, f64>(count, None),
            Self::Seconds(sum) => encoder.encode_counter::<Labels, _, f64>(sum, None),
            Self::Gauge(value) => encoder.encode_gauge(value),
            Self::Durations(reading) => {
                let bounds = BOUNDS
                    .iter()
                    .map(|bound| seconds(Duration::from_nanos(*bound)));
                // What is longer than the last bound is in the last bucket.
                let bounds = bounds.chain([f64::INFINITY]);
                let buckets: Vec<(f64, u64)> = bounds.zip(reading.buckets).collect();
                let count = reading.buckets.iter().sum();
                let sum = seconds(Duration::from_nanos(reading.sum));
                encoder.encode_histogram::<Labels>(sum, count, &buckets, None)
            }
        }
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// A counter without labels.
fn count(name: &'static str, help: &'static str, value: u64) -> Family {
    counts(name, help, [(Vec::new(), value)])
}

fn counts(
    name: &'static str,
    help: &'static str,
    samples: impl IntoIterator<Item = (Labels, u64)>,
) -> Family {
    let samples = samples.into_iter();
    let samples = samples.map(|(labels, count)| (labels, Value::Count(count)));
    Family {
        name,
        help,
        kind: MetricType::Counter,
        samples: samples.collect(),
    }
}

fn gauge(name: &'static str, help: &'static str, value: f64) -> Family {
    gauges(name, help, [(Vec::new(), value)])
}

fn gauges(
    name: &'static str,
    help: &'static str,
    samples: impl IntoIterator<Item = (Labels, f64)>,
) -> Family {
    let samples = samples.into_iter();
    let samples = samples.map(|(labels, value)| (labels, Value::Gauge(value)));
    Family {
        name,
        help,
        kind: MetricType::Gauge,
        samples: samples.collect(),
    }
}

fn label(name: &'static str, value: impl Into<String>) -> Labels {
    vec![(name, value.into())]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge of that size is never exact"
)]
fn number(value: usize) -> f64 {
    value as f64
}

fn families(source: &Source) -> Vec<Family> {
    let mut families = request::families(source);
    families.extend(part::connections(source));
    families.extend(part::endpoints(source));
    families.extend(part::issuers(source));
    families.extend(part::revocation(source));
    families.extend(part::traces(source));
    families.extend(part::config(source));
    families.extend(process::families(source.started));
    families
}
