//! Looks for requests that cost much more CPU than others of their size.
//!
//! `cargo run --release -p hudun-seclang --example worst -- CRS_FOLDER [--seconds N] [--paranoia N] [--size BYTES]
//! [--balanced] [--seed N] [--save FOLDER]`
//!
//! The median is that of requests made from this crate's honest texts and, every second request, with attacks of this
//! crate and of CRS's own tests among them, joined to the size and carried in the query, a form, JSON, XML and parts. The search makes requests from parts: phrases and near-misses of CRS's
//! patterns, repeats, nestings, encodings, many and long arguments, deep JSON and XML, many parts. It keeps the slowest of
//! each size, changes those, and goes on.
//!
//! An attacker need not send the same request twice, so a lazy automaton that already knows it proves nothing: what
//! counts is `fresh`, a request's first time on scratch memory that only the ordinary requests have warmed, the least of
//! three such times. `again` is the least of its repetitions after that. All times are CPU times of the thread.

mod carrier;
mod grammar;
mod recipe;
mod stock;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Judging, RuleSet, Start, Transaction};
use recipe::Recipe;
use stock::{Rng, Stock};

type Failure = Box<dyn std::error::Error>;

const SIZES: [usize; 6] = [256, 1 << 10, 2 << 10, 8 << 10, 64 << 10, 128 << 10];
/// Slow requests that are kept and changed, for each size.
const KEPT: usize = 24;
/// Ordinary requests of each size.
const ORDINARY: usize = 120;
/// Ordinary requests of 1 KiB that new scratch memory sees first.
const WARMERS: usize = 30;
/// The engine's own pool keeps the scratch memory of so many transactions.
const POOL: usize = 4;

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyNoFilesLimit 131072
SecArgumentsLimit 1000
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.'"
"#;

fn main() -> Result<(), Failure> {
    let options = Options::read()?;
    let stock = Stock::load(Path::new(&options.crs))?;
    println!(
        "{} phrases, {} patterns, {} attacks, {} honest texts; seed {}",
        stock.words.len(),
        stock.patterns.len(),
        stock.attacks.len(),
        stock.honest.len(),
        options.seed
    );
    println!(
        "\n| paranoia | size | ordinary µs, median | honest alone | fresh | worst fresh µs | ratio | again µs | ratio | fallbacks | what |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for paranoia in &options.paranoia {
        let rules = load(&options.crs, *paranoia)?;
        for (at, size) in options.sizes.iter().enumerate() {
            let mut search = Search::new(
                &rules,
                &stock,
                *size,
                options.judging,
                options.seed + at as u64,
            );
            search.run(Duration::from_secs(options.seconds) / options.sizes.len() as u32);
            search.report(*paranoia, options.save.as_deref())?;
        }
    }
    Ok(())
}

struct Options {
    crs: String,
    seconds: u64,
    paranoia: Vec<u8>,
    sizes: Vec<usize>,
    judging: Judging,
    seed: u64,
    save: Option<String>,
}

impl Options {
    fn read() -> Result<Self, Failure> {
        let mut this = Self {
            crs: String::new(),
            seconds: 120,
            paranoia: vec![1, 4],
            sizes: SIZES.to_vec(),
            judging: Judging::Exact,
            seed: 1,
            save: None,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--seconds" => this.seconds = value()?.parse()?,
                "--paranoia" => this.paranoia = vec![value()?.parse()?],
                "--size" => this.sizes = vec![value()?.parse()?],
                "--seed" => this.seed = value()?.parse()?,
                "--save" => this.save = Some(value()?),
                "--balanced" => this.judging = Judging::Balanced,
                _ => this.crs = arg,
            }
        }
        if this.crs.is_empty() {
            return Err("usage: worst CRS_FOLDER [--seconds N] [--paranoia N] [--size BYTES] [--balanced] [--seed N] [--save FOLDER]".into());
        }
        Ok(this)
    }
}

fn load(crs: &str, paranoia: u8) -> Result<RuleSet, Failure> {
    let level = format!(
        "SecAction \"id:900000,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level={paranoia}\""
    );
    Ok(RuleSet::builder()
        .text("engine.conf", ENGINE)
        .text("level.conf", level)
        .file(format!("{crs}/crs-setup.conf.example"))
        .glob(format!("{crs}/rules/*.conf"))
        .build()?)
}

/// The search in one size.
struct Search<'r> {
    rules: &'r RuleSet,
    stock: &'r Stock,
    size: usize,
    judging: Judging,
    rng: Rng,
    ordinary: Vec<RawRequest>,
    /// What scratch memory has seen before a first time is taken.
    warmers: Vec<RawRequest>,
    /// The medians of ordinary requests, micro-seconds: known scratch memory, and their first time.
    median: f64,
    median_honest: f64,
    median_fresh: f64,
    found: Vec<Found>,
    tried: usize,
}

struct Found {
    recipe: Recipe,
    micros: f64,
}

impl<'r> Search<'r> {
    fn new(rules: &'r RuleSet, stock: &'r Stock, size: usize, judging: Judging, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let ordinary: Vec<RawRequest> = (0..ORDINARY)
            .map(|n| stock.ordinary(&mut rng, size, n % 2 == 1).request(size))
            .collect();
        let warmers = (0..WARMERS)
            .map(|_| stock.ordinary(&mut rng, 1 << 10, true).request(1 << 10))
            .collect();
        let mut this = Self {
            rules,
            stock,
            size,
            judging,
            rng,
            ordinary,
            warmers,
            median: 0.0,
            median_honest: 0.0,
            median_fresh: 0.0,
            found: Vec::new(),
            tried: 0,
        };
        let mut times = vec![f64::MAX; ORDINARY];
        for round in 0..4 {
            for (at, request) in this.ordinary.iter().enumerate() {
                let micros = this.time(request).0;
                if round > 0 {
                    times[at] = times[at].min(micros);
                }
            }
        }
        this.median_honest = median(times.iter().copied().step_by(2).collect());
        this.median = median(times);
        let firsts = (0..24)
            .map(|at| this.fresh(&this.ordinary[ORDINARY - 1 - at * 2], 1).0)
            .collect();
        this.median_fresh = median(firsts);
        this
    }

    fn run(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while Instant::now() < end {
            self.tried += 1;
            let recipe = match self.found.len() {
                0 => self.stock.recipe(&mut self.rng, self.size),
                n if self.rng.below(2) == 0 => {
                    let (a, b) = (self.rng.below(n), self.rng.below(n));
                    let (a, b) = (&self.found[a].recipe, &self.found[b].recipe);
                    self.stock.change(&mut self.rng, a, b, self.size)
                }
                _ => self.stock.recipe(&mut self.rng, self.size),
            };
            let request = recipe.request(self.size);
            let quick = self.time(&request).0;
            let floor = match self.found.last() {
                Some(last) if self.found.len() == KEPT => last.micros,
                _ => 0.0,
            };
            if quick <= floor * 0.7 {
                continue;
            }
            let micros = self.fresh(&request, 1).0;
            if micros <= floor {
                continue;
            }
            let at = self.found.partition_point(|f| f.micros > micros);
            self.found.insert(at, Found { recipe, micros });
            // Not all of one kind, or the search would go on in one place alone.
            let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
            self.found.retain(|f| {
                let count = kinds.entry(f.recipe.kind()).or_default();
                *count += 1;
                *count <= 4
            });
            self.found.truncate(KEPT);
        }
    }

    fn report(&mut self, paranoia: u8, save: Option<&str>) -> Result<(), Failure> {
        // Measured again, several times: a single slow time may be the machine's.
        let mut found = std::mem::take(&mut self.found);
        for f in &mut found {
            f.micros = self.fresh(&f.recipe.request(self.size), 3).0;
        }
        found.sort_by(|a, b| b.micros.total_cmp(&a.micros));
        for (rank, f) in found.iter().take(5).enumerate() {
            let request = f.recipe.request(self.size);
            let fallbacks = self.fresh(&request, 1).1;
            let again = (0..5)
                .map(|_| self.time(&request).0)
                .fold(f64::MAX, f64::min);
            if rank == 0 {
                println!(
                    "| {paranoia} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {again:.0} | {:.1} | {fallbacks} | {} |",
                    self.size,
                    self.median,
                    self.median_honest,
                    self.median_fresh,
                    f.micros,
                    f.micros / self.median,
                    again / self.median,
                    f.recipe.kind()
                );
            } else {
                eprintln!(
                    "  {} next: {:.0} µs ({:.1}), again {again:.0}, fallbacks {fallbacks}, {}",
                    self.size,
                    f.micros,
                    f.micros / self.median,
                    f.recipe.kind()
                );
            }
            if let Some(folder) = save {
                std::fs::create_dir_all(folder)?;
                let file = format!("{folder}/p{paranoia}-{:06}-{rank}.http", self.size);
                std::fs::write(file, carrier::wire(&request))?;
            }
        }
        if let Some(folder) = save {
            for (number, request) in self.ordinary.iter().enumerate() {
                let file = format!("{folder}/ordinary-{:06}-{number:03}.http", self.size);
                std::fs::write(file, carrier::wire(request))?;
            }
        }
        eprintln!("  {} requests tried", self.tried);
        Ok(())
    }

    /// CPU micro-seconds of one request on scratch memory as it is, and how often automata gave up.
    fn time(&self, request: &RawRequest) -> (f64, u32) {
        let start = cpu();
        let mut transaction = Transaction::new(self.rules, self.start());
        request.feed(&mut transaction);
        let outcome = transaction.finish();
        let micros = (cpu() - start) as f64 / 1_000.0;
        (micros, outcome.fallbacks)
    }

    /// The least of some first times, each on new scratch memory that has seen thirty ordinary requests.
    fn fresh(&self, request: &RawRequest, times: usize) -> (f64, u32) {
        let mut best = (f64::MAX, 0);
        for _ in 0..times {
            // These take all scratch memory that is in the pool; the next transaction makes its own.
            let holders: Vec<Transaction<'_>> = (0..POOL)
                .map(|_| Transaction::new(self.rules, self.start()))
                .collect();
            for ordinary in &self.warmers {
                self.time(ordinary);
            }
            let time = self.time(request);
            if time.0 < best.0 {
                best = time;
            }
            drop(holders);
        }
        best
    }

    fn start(&self) -> Start<'static> {
        Start {
            judging: self.judging,
            ..Start::example()
        }
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// CPU nano-seconds of this thread.
fn cpu() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
