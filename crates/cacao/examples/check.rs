//! Checks playbooks: `cargo run -p hudun-cacao --example check -- FILE…`

fn main() {
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        match hudun_cacao::parse_json(&bytes) {
            Ok(value) => {
                let problems = hudun_cacao::validate(&value, hudun_cacao::Mode::default());
                println!("{file}: runnable {}", hudun_cacao::is_runnable(&problems));
                problems.iter().for_each(|problem| println!("  {problem}"));
            }
            Err(error) => println!("{file}: {error}"),
        }
    }
}
