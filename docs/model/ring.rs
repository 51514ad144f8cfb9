//! Checks the group arithmetic of the v2 greeting, which the symbolic models
//! cannot express. Build and run: `rustc -O ring.rs -o ring && ./ring`.
//!
//! Group elements are written by their logarithm: a polynomial over the prime
//! field, in the unknown scalars. An observer who holds some elements and some
//! scalars can compute exactly the linear combinations of its elements (the
//! generic group model; known scalars are random numbers here, so an answer is
//! wrong with probability about 2^-55). "Can it compute K?" is then: is K in
//! the span? Exit status 0: every answer is the expected one.
use std::collections::BTreeMap;
use std::process::ExitCode;

const P: u128 = (1 << 61) - 1;
type Mono = Vec<usize>;

#[derive(Clone, Default, PartialEq, Debug)]
struct Poly(BTreeMap<Mono, u128>);

impl Poly {
    fn num(c: u128) -> Self {
        Poly([(vec![], c % P)].into()).trim()
    }
    fn var(i: usize) -> Self {
        Poly([(vec![i], 1)].into())
    }
    fn trim(mut self) -> Self {
        self.0.retain(|_, c| *c != 0);
        self
    }
    fn add(&self, o: &Self) -> Self {
        let mut r = self.clone();
        for (m, c) in &o.0 {
            let e = r.0.entry(m.clone()).or_insert(0);
            *e = (*e + c) % P;
        }
        r.trim()
    }
    fn times(&self, c: u128) -> Self {
        Poly(self.0.iter().map(|(m, v)| (m.clone(), v * (c % P) % P)).collect()).trim()
    }
    fn sub(&self, o: &Self) -> Self {
        self.add(&o.times(P - 1))
    }
    fn mul(&self, o: &Self) -> Self {
        let mut r = Poly::default();
        for (a, x) in &self.0 {
            for (b, y) in &o.0 {
                let mut m = [a.clone(), b.clone()].concat();
                m.sort_unstable();
                r = r.add(&Poly([(m, x * y % P)].into()));
            }
        }
        r
    }
}

fn inverse(a: u128) -> u128 {
    let (mut r, mut b, mut e) = (1, a % P, P - 2);
    while e > 0 {
        if e & 1 == 1 {
            r = r * b % P;
        }
        b = b * b % P;
        e >>= 1;
    }
    r
}

/// Whether `goal` is a linear combination of `known`.
fn reaches(known: &[Poly], goal: &Poly) -> bool {
    let mut basis: Vec<(Mono, Poly)> = Vec::new();
    let reduce = |basis: &[(Mono, Poly)], p: &Poly| {
        basis.iter().fold(p.clone(), |p, (m, b)| match p.0.get(m) {
            Some(&c) => p.sub(&b.times(c)),
            None => p,
        })
    };
    for k in known {
        let k = reduce(&basis, k);
        let lead = k.0.iter().next_back().map(|(m, c)| (m.clone(), *c));
        if let Some((m, c)) = lead {
            basis.push((m, k.times(inverse(c))));
        }
    }
    reduce(&basis, goal) == Poly::default()
}

/// One operation: the logarithms of contributions, and the shares as sent.
struct Ring {
    r: Vec<Poly>,
    x: Vec<Poly>,
}

impl Ring {
    fn honest(r: Vec<Poly>) -> Self {
        let n = r.len();
        let x = (0..n).map(|i| r[i].mul(&r[(i + 1) % n].sub(&r[(i + n - 1) % n]))).collect();
        Ring { r, x }
    }
    /// Contributions 0…n−1 unknown, all different.
    fn fresh(n: usize) -> Self {
        Self::honest((0..n).map(Poly::var).collect())
    }
    /// Everything an observer of the channel sees, and the base point.
    fn wire(&self) -> Vec<Poly> {
        [vec![Poly::num(1)], self.r.clone(), self.x.clone()].concat()
    }
    /// The wire, for somebody who also knows these scalars.
    fn wire_with(&self, scalars: &[&Poly]) -> Vec<Poly> {
        let w = self.wire();
        let more = scalars.iter().flat_map(|s| w.iter().map(|e| e.mul(s)));
        w.iter().cloned().chain(more).collect()
    }
    fn edge(&self, i: usize) -> Poly {
        self.r[i].mul(&self.r[(i + 1) % self.r.len()])
    }
    /// K as member `i` computes it (v2.md, round 3).
    fn key(&self, i: usize) -> Poly {
        let n = self.r.len();
        let first = self.r[i].mul(&self.r[(i + n - 1) % n]).times(n as u128);
        (0..n - 1).fold(first, |k, j| k.add(&self.x[(i + j) % n].times((n - 1 - j) as u128)))
    }
    fn agree(&self, members: &[usize]) -> bool {
        members.iter().all(|&i| self.key(i) == self.key(members[0]))
    }
}

fn main() -> ExitCode {
    let mut bad = 0;
    let mut say = |name: &str, expected: bool, got: bool| {
        let mark = if expected == got { "ok" } else { "NOT AS EXPECTED" };
        bad += usize::from(expected != got);
        println!("{:<84} {:<4} {mark}", name, if got { "yes" } else { "no" });
    };
    // A scalar somebody chose: any fixed number will do.
    let c = 0x1357_9bdf_0246_8ace;
    for n in 2..=8 {
        let ring = Ring::fresh(n);
        let sum = (0..n).fold(Poly::default(), |s, i| s.add(&ring.edge(i)));
        let all: Vec<usize> = (0..n).collect();
        let key = ring.key(0);
        say(
            &format!("n={n}: all members compute one K, the sum around the ring"),
            true,
            ring.agree(&all) && key == sum,
        );
        say(&format!("n={n}: an observer computes K"), false, reaches(&ring.wire(), &key));
        let any = (0..n).any(|i| reaches(&ring.wire(), &ring.edge(i)));
        say(&format!("n={n}: an observer computes some ring key r_i·r_{{i+1}}"), false, any);
        let one = (0..n).all(|i| {
            let known = [ring.wire(), vec![ring.edge(i)]].concat();
            (0..n).all(|j| reaches(&known, &ring.edge(j))) && reaches(&known, &key)
        });
        say(&format!("n={n}: whoever has one ring key and the shares has all, and K"), true, one);
        let back = reaches(&[ring.wire(), vec![key.clone()]].concat(), &ring.edge(0));
        say(&format!("n={n}: whoever has K and the shares has the ring keys"), true, back);
        say(
            &format!("n={n}: whoever learns one r_i computes K"),
            true,
            reaches(&ring.wire_with(&[&Poly::var(0)]), &key),
        );
        let no_shares = Ring { x: vec![], ..Ring::fresh(n) };
        say(
            &format!("n={n}: … also without the shares (only two members need none)"),
            n == 2,
            reaches(&no_shares.wire_with(&[&Poly::var(0)]), &key),
        );
        let zero = ring.x.iter().any(|x| *x == Poly::default());
        say(&format!("n={n}: an honest share is the identity"), n == 2, zero);
    }
    // Exclusion. Carol (2) knew r_2 in a ring of three; then Alice and Bob, or
    // Alice, Bob and Dave, run again. Scalars 3, 4, 5 are fresh.
    let old = Ring::fresh(3);
    let carol = old.wire_with(&[&Poly::var(2)]);
    let sees = |new: &Ring| [carol.clone(), new.wire()].concat();
    let v = Poly::var;
    for (name, new, expected) in [
        ("excluded: all fresh, two remain", Ring::honest(vec![v(3), v(4)]), false),
        (
            "excluded: all fresh, two remain and one is new",
            Ring::honest(vec![v(3), v(4), v(5)]),
            false,
        ),
        (
            "excluded: one remaining member uses its r again (V2-014 broken)",
            Ring::honest(vec![v(0), v(4)]),
            false,
        ),
        (
            "excluded: both remaining members use their r again (V2-014 broken)",
            Ring::honest(vec![v(0), v(1)]),
            true,
        ),
        (
            "excluded: two neighbours of three use their r again (V2-014 broken)",
            Ring::honest(vec![v(0), v(1), v(5)]),
            true,
        ),
    ] {
        say(&format!("{name}: she computes K"), expected, reaches(&sees(&new), &new.key(0)));
    }
    // One member speaks last without knowing its r: v2.md's example, n = 4.
    let z3 = Poly::num(c).sub(&v(1));
    let mut lie = Ring::honest(vec![v(0), v(1), v(2), z3]);
    lie.x[3] = lie.x[1].add(&v(0).sub(&v(2)).times(c));
    let sent = [vec![Poly::num(1), v(0), v(1), v(2)], lie.x[..3].to_vec()].concat();
    say(
        "no proofs: member 3 of 4 can send Z = c·B − Z_1 and a share that fits",
        true,
        reaches(&sent, &lie.x[3]) && lie.agree(&[0, 1, 2]),
    );
    say("no proofs: … then whoever knows c computes K", true, reaches(&lie.wire(), &lie.key(0)));
    say(
        "no proofs: … its share is r·D all the same",
        true,
        lie.x[3] == lie.r[3].mul(&v(0).sub(&v(2))),
    );
    say(
        "no proofs: … the member knows r, as a proof would show",
        false,
        reaches(&[Poly::num(1)], &lie.r[3]),
    );
    // The same effect with valid proofs: choose r_3 that others know.
    let mut told = Ring::honest(vec![v(0), v(1), v(2), Poly::num(c)]);
    say(
        "proofs: one member takes r = c; whoever knows c computes K",
        true,
        reaches(&told.wire(), &told.key(0)),
    );
    told = Ring::honest(vec![v(0), v(1), v(2), Poly::num(c).sub(&v(1))]);
    say(
        "proofs: two members take r_3 = c − r_1; whoever knows c computes K",
        true,
        reaches(&told.wire(), &told.key(0)),
    );
    // Copying another's contribution, shifted: a share fits, K stays unknown.
    let copy = Ring::honest(vec![v(0), v(1), v(0).add(&Poly::num(c))]);
    let seen = [vec![Poly::num(1), v(0), v(1)], copy.x[..2].to_vec()].concat();
    say(
        "no proofs: a member that sends Z_0 + c·B can compute a share that fits",
        true,
        reaches(&seen, &copy.x[2]),
    );
    say("no proofs: … and K, for its confirmation", false, reaches(&copy.wire(), &copy.key(0)));
    // Two members shift their shares by ±d: the honest neighbours 0 and 1 agree.
    let mut shifted = Ring::fresh(4);
    let target = Poly::num(c);
    let d = target.sub(&shifted.key(0));
    let insiders = shifted.wire_with(&[&v(2), &v(3)]);
    say("no proofs: members 2 and 3 of 4 can compute d = K* − K", true, reaches(&insiders, &d));
    shifted.x[2] = shifted.x[2].add(&d);
    shifted.x[3] = shifted.x[3].sub(&d);
    say(
        "no proofs: … and with shares ±d members 0 and 1 both end with K*",
        true,
        shifted.agree(&[0, 1]) && shifted.key(0) == target,
    );
    // With proofs the shares follow from the contributions. Those are chosen
    // before any share exists: two insiders know nothing of honest ring keys.
    let before = |n: usize| {
        let ring = Ring { x: vec![], ..Ring::fresh(n) };
        let w = ring.wire_with(&[&v(n - 1), &v(n - 2)]);
        (0..n).any(|i| i + 1 < n - 2 && reaches(&w, &ring.edge(i)))
    };
    say("proofs: two insiders of 4 know an honest ring key when they contribute", false, before(4));
    say("proofs: two insiders of 6 know an honest ring key when they contribute", false, before(6));
    println!(
        "{}",
        if bad == 0 { "all as expected".to_owned() } else { format!("{bad} not as expected") }
    );
    ExitCode::from(u8::from(bad != 0))
}
