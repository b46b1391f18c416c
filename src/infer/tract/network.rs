//! One network in tract: opened and checked once, run many times.
//!
//! The bytes may come from anywhere: whatever they are, opening them ends in a
//! usable network or in [`InferError::Unusable`], also when the engine panics.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::prelude::{
    DatumType, Framework as _, InferenceFact, InferenceModelExt as _, IntoRunnable as _,
    IntoTValue as _, TValue, TVec, Tensor, TractResult, TypedRunnableModel, TypedSimpleState, tvec,
};
use tract_onnx::tract_core::internal::TractError;

use crate::infer::InferError;
use crate::infer::output::{EDGE_COLUMNS, row_count};
use crate::rt::panic_message;

/// A network ready to run at one input size. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    plan: Arc<TypedRunnableModel>,
    input_px: (u32, u32),
    columns: usize,
}

/// What one thread needs to run a network.
pub struct Session {
    state: TypedSimpleState,
    input: Arc<Tensor>,
    output: Option<TValue>,
    shape: [usize; 4],
}

impl Network {
    /// Opens an ONNX file from memory for `input_px`; `name` is for messages.
    ///
    /// # Errors
    /// When the bytes are not a network with one picture as input and the rows of
    /// a NanoDet head as output.
    pub fn parse(name: &str, bytes: &[u8], input_px: (u32, u32)) -> Result<Self, InferError> {
        let unusable = |reason| InferError::Unusable { name: name.to_owned(), reason };
        check_size(input_px).map_err(unusable)?;
        let opened = catch_unwind(AssertUnwindSafe(|| open(bytes, input_px)));
        let plan = match opened {
            Ok(Ok(plan)) => plan,
            Ok(Err(error)) => return Err(unusable(reason(&error))),
            Err(panic) => return Err(unusable(first_line(panic_message(panic.as_ref())))),
        };
        let columns = columns(&plan, input_px).map_err(unusable)?;
        Ok(Self { plan, input_px, columns })
    }

    /// Columns of the output: the classes and [`EDGE_COLUMNS`].
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// A state of its own for one thread.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn session(&self) -> Result<Session, InferError> {
        let shape = shape(self.input_px);
        let fresh = || {
            let input = Arc::new(Tensor::zero::<f32>(&shape)?);
            Ok(Session { state: self.plan.spawn()?, input, output: None, shape })
        };
        fresh().map_err(|error: TractError| InferError::Run(reason(&error)))
    }
}

impl Session {
    /// Lets `fill` write the input (three planes, row by row) and runs.
    ///
    /// # Errors
    /// When the network fails on this input.
    pub fn run(&mut self, fill: impl FnOnce(&mut [f32])) -> Result<(), InferError> {
        self.try_run(fill).map_err(|error| InferError::Run(reason(&error)))
    }

    fn try_run(&mut self, fill: impl FnOnce(&mut [f32])) -> TractResult<()> {
        self.output = None;
        // The engine has let go of the tensor of the last run; if it ever keeps
        // it, a new one costs 0.2 ms and nothing else.
        if Arc::get_mut(&mut self.input).is_none() {
            self.input = Arc::new(Tensor::zero::<f32>(&self.shape)?);
        }
        if let Some(input) = Arc::get_mut(&mut self.input) {
            fill(input.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?);
        }
        let inputs: TVec<TValue> = tvec!(Arc::clone(&self.input).into_tvalue());
        self.output = self.state.run(inputs)?.into_iter().next();
        Ok(())
    }

    /// Lets `read` see the rows of the last run.
    ///
    /// # Errors
    /// When there was none, or its output is not made of f32.
    pub fn output<T>(&self, read: impl FnOnce(&[f32]) -> T) -> Result<T, InferError> {
        let rows = self.output.as_ref().and_then(|output| output.as_plain_ram());
        rows.as_ref()
            .and_then(|rows| rows.as_slice::<f32>().ok())
            .map(read)
            .ok_or_else(|| InferError::Run("the network gave no numbers".to_owned()))
    }
}

fn open(bytes: &[u8], input_px: (u32, u32)) -> TractResult<Arc<TypedRunnableModel>> {
    tract_onnx::onnx()
        .model_for_read(&mut Cursor::new(bytes))?
        .with_input_fact(0, InferenceFact::dt_shape(DatumType::F32, shape(input_px)))?
        .with_output_fact(0, InferenceFact::default())?
        .into_optimized()?
        .into_runnable()
}

fn shape((width, height): (u32, u32)) -> [usize; 4] {
    [1, 3, height as usize, width as usize]
}

/// The input must be a whole number of the coarsest cells, and not so large that
/// one frame would take all memory: 1280 px needs about 250 MB.
fn check_size((width, height): (u32, u32)) -> Result<(), String> {
    let is_usable = |size: u32| (32..=1280).contains(&size) && size.is_multiple_of(32);
    if is_usable(width) && is_usable(height) {
        return Ok(());
    }
    Err(format!("an input of {width}x{height} is not a multiple of 32 between 32 and 1280"))
}

fn columns(plan: &TypedRunnableModel, input_px: (u32, u32)) -> Result<usize, String> {
    let model = plan.model();
    let (inputs, outputs) = (model.inputs.len(), model.outputs.len());
    if (inputs, outputs) != (1, 1) {
        return Err(format!("it has {inputs} inputs and {outputs} outputs instead of one each"));
    }
    let fact = model.output_fact(0).map_err(|error| reason(&error))?;
    let shape = fact.shape.as_concrete().map(<[usize]>::to_vec).unwrap_or_default();
    let rows = row_count(input_px);
    match shape[..] {
        [1, has, columns]
            if has == rows && columns > EDGE_COLUMNS && fact.datum_type == DatumType::F32 =>
        {
            Ok(columns)
        }
        _ => {
            Err(format!("its output is {shape:?} instead of [1, {rows}, classes + {EDGE_COLUMNS}]"))
        }
    }
}

/// The engine's cause in one line; the chain above it names its internals.
fn reason(error: &TractError) -> String {
    first_line(&error.root_cause().to_string())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_is_allocated_once_and_the_same_input_gives_the_same_output() {
        let bytes = include_bytes!("../models/nanodet-m.int8.onnx");
        let mut session = Network::parse("int8", bytes, (64, 64)).unwrap().session().unwrap();
        let mut places = Vec::new();
        let outputs = [0, 1, 2].map(|_| {
            session
                .run(|input| {
                    places.push(input.as_ptr());
                    input.iter_mut().enumerate().for_each(|(n, v)| *v = (n % 7) as f32 / 7.0);
                })
                .unwrap();
            session.output(<[f32]>::to_vec).unwrap()
        });
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
        assert!(outputs[0] == outputs[1] && outputs[1] == outputs[2]);
        assert_eq!(outputs[0].len(), row_count((64, 64)) * (80 + EDGE_COLUMNS));
    }
}
