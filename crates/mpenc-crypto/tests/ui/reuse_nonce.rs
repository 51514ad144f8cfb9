use mpenc_crypto::proof::{Statement, prove};
use mpenc_crypto::{PrimeOrderGroup, V2};

type Element = <V2 as PrimeOrderGroup>::Element;
type Scalar = <V2 as PrimeOrderGroup>::Scalar;

fn twice(one: &Statement<'_, Element>, other: &Statement<'_, Element>, r: &Scalar, w: Scalar) {
    prove::<V2>(one, r, w);
    prove::<V2>(other, r, w);
}

fn main() {
    let _ = twice;
}
