//! What goes into a session and what comes out of it.

use std::borrow::Cow;
use std::sync::Arc;

use half::f16;
use ndarray::{Array, ArrayD, ArrayView, ArrayViewD, Dimension};
use ort::memory::Allocator;
use ort::session::{IoBinding, SessionInputValue};
use ort::value::{DynValue, Tensor as Owned, TensorElementType, TensorRef, ValueType};

use super::session::Port;
use crate::error::{Detail, Error, Result};

/// An input of a session, borrowed: rows in standard order are not copied.
#[derive(Clone, Debug)]
pub(crate) enum Tensor<'a> {
    /// Single precision; a half-precision network gets it rounded.
    F32(ArrayViewD<'a, f32>),
    /// Half precision.
    #[allow(dead_code)]
    F16(ArrayViewD<'a, f16>),
    /// Whole numbers.
    I64(ArrayViewD<'a, i64>),
    /// What another run gave, where it lies.
    Kept(&'a Kept),
}

/// An output of a run that goes into later runs as it is.
pub(crate) struct Kept(Value);

impl Kept {
    /// What was the output `name`, single precision, without a copy.
    ///
    /// # Errors
    /// As [`Outputs::view`].
    pub(crate) fn view(&self, name: &str) -> Result<ArrayViewD<'_, f32>> {
        self.0.view(name)
    }

    /// The size of an axis.
    pub(crate) fn side(&self, axis: usize) -> Option<usize> {
        match &self.0 {
            Value::There(value) => usize::try_from(*value.shape().get(axis)?).ok(),
            Value::Here(array) => array.shape().get(axis).copied(),
        }
    }

    /// The value, where ONNX Runtime holds it.
    pub(super) fn there(&self) -> Option<&DynValue> {
        match &self.0 {
            Value::There(value) => Some(value),
            Value::Here(_) => None,
        }
    }

    /// Where in memory it lies.
    #[cfg(test)]
    pub(crate) fn address(&self) -> Option<usize> {
        self.there()?.try_extract_tensor::<f32>().ok().map(|(_, numbers)| numbers.as_ptr() as usize)
    }

    /// Copied to memory of its own: where it lies now, it keeps all that the session ever used from being
    /// given back when that is closed.
    ///
    /// # Errors
    /// `model.output`.
    pub(crate) fn apart(self) -> Result<Self> {
        let Value::There(value) = self.0 else { return Ok(self) };
        let copied = |value: &DynValue| -> Result<_, ort::Error> {
            let (shape, numbers) = value.try_extract_tensor::<f32>()?;
            let mut copy = Owned::<f32>::new(&Allocator::default(), shape.clone())?;
            copy.extract_tensor_mut().1.copy_from_slice(numbers);
            Ok(copy.into_dyn())
        };
        let copy = copied(&value).map_err(|error| not_floats(Some(error)))?;
        Ok(Self(Value::There(copy)))
    }

    pub(super) fn into_there(self) -> Option<DynValue> {
        match self.0 {
            Value::There(value) => Some(value),
            Value::Here(_) => None,
        }
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl<'a, D: Dimension> From<&'a Array<f32, D>> for Tensor<'a> {
    fn from(array: &'a Array<f32, D>) -> Self {
        Self::F32(array.view().into_dyn())
    }
}

impl<'a, D: Dimension> From<ArrayView<'a, f32, D>> for Tensor<'a> {
    fn from(view: ArrayView<'a, f32, D>) -> Self {
        Self::F32(view.into_dyn())
    }
}

impl<'a, D: Dimension> From<&'a Array<i64, D>> for Tensor<'a> {
    fn from(array: &'a Array<i64, D>) -> Self {
        Self::I64(array.view().into_dyn())
    }
}

impl<'a> From<&'a Kept> for Tensor<'a> {
    fn from(kept: &'a Kept) -> Self {
        Self::Kept(kept)
    }
}

impl<'a, D: Dimension> From<&'a Array<f16, D>> for Tensor<'a> {
    fn from(array: &'a Array<f16, D>) -> Self {
        Self::F16(array.view().into_dyn())
    }
}

impl Tensor<'_> {
    /// The same for a shorter time.
    pub(crate) fn view(&self) -> Tensor<'_> {
        match self {
            Self::F32(view) => Tensor::F32(view.view()),
            Self::F16(view) => Tensor::F16(view.view()),
            Self::I64(view) => Tensor::I64(view.view()),
            Self::Kept(kept) => Tensor::Kept(kept),
        }
    }

    /// The shape, and the numbers in the precision that the network takes, copied only if needed.
    pub(super) fn flatten(&self, wanted: TensorElementType) -> Flat<'_> {
        match (self, wanted) {
            (Self::F32(view), TensorElementType::Float16) => {
                let numbers = view.iter().map(|x| f16::from_f32(*x)).collect();
                Flat::F16(view.shape().to_vec(), Cow::Owned(numbers))
            }
            (Self::F32(view), _) => Flat::F32(view.shape().to_vec(), in_order(view)),
            (Self::F16(view), _) => Flat::F16(view.shape().to_vec(), in_order(view)),
            (Self::I64(view), _) => Flat::I64(view.shape().to_vec(), in_order(view)),
            (Self::Kept(Kept(Value::There(value))), _) => Flat::There(value),
            (Self::Kept(Kept(Value::Here(array))), _) => {
                Flat::F32(array.shape().to_vec(), numbers_of(array))
            }
        }
    }
}

fn numbers_of(array: &ArrayD<f32>) -> Cow<'_, [f32]> {
    match array.as_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(array.iter().copied().collect()),
    }
}

fn in_order<'v, T: Copy>(view: &'v ArrayViewD<'_, T>) -> Cow<'v, [T]> {
    match view.as_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(view.iter().copied().collect()),
    }
}

/// Numbers in the order and precision that a session takes.
pub(super) enum Flat<'a> {
    F32(Vec<usize>, Cow<'a, [f32]>),
    F16(Vec<usize>, Cow<'a, [f16]>),
    I64(Vec<usize>, Cow<'a, [i64]>),
    There(&'a DynValue),
}

impl Flat<'_> {
    pub(super) fn value(&self) -> Result<SessionInputValue<'_>, ort::Error> {
        Ok(match self {
            Self::F32(shape, numbers) => {
                TensorRef::from_array_view((shape.as_slice(), &**numbers))?.into()
            }
            Self::F16(shape, numbers) => {
                TensorRef::from_array_view((shape.as_slice(), &**numbers))?.into()
            }
            Self::I64(shape, numbers) => {
                TensorRef::from_array_view((shape.as_slice(), &**numbers))?.into()
            }
            Self::There(value) => (*value).into(),
        })
    }

    /// Copied: `bind_input` makes a copy of what is borrowed, and waits for itself as it does so.
    pub(super) fn bind(&self, binding: &mut IoBinding, name: &str) -> Result<(), ort::Error> {
        match self {
            Self::F32(shape, numbers) => {
                binding.bind_input(name, &Owned::from_array((&**shape, numbers.to_vec()))?)
            }
            Self::F16(shape, numbers) => {
                binding.bind_input(name, &Owned::from_array((&**shape, numbers.to_vec()))?)
            }
            Self::I64(shape, numbers) => {
                binding.bind_input(name, &Owned::from_array((&**shape, numbers.to_vec()))?)
            }
            Self::There(value) => binding.bind_input(name, *value),
        }
    }
}

/// The outputs of a run, by name.
pub(crate) struct Outputs {
    ports: Arc<[Port]>,
    values: Vec<Value>,
}

enum Value {
    /// In ONNX Runtime's memory.
    There(DynValue),
    /// Half precision made single, or memory of another device brought here.
    Here(ArrayD<f32>),
}

impl Outputs {
    pub(super) fn new(ports: Arc<[Port]>, values: Vec<DynValue>) -> Result<Self> {
        let values = values.into_iter().map(Value::new).collect::<Result<_>>()?;
        Ok(Self { ports, values })
    }

    /// An output by name, single precision, without a copy.
    ///
    /// # Errors
    /// `model.output` when the network has no such output, or it holds no floats or ones that are not
    /// finite.
    pub(crate) fn view(&self, name: &str) -> Result<ArrayViewD<'_, f32>> {
        let at = self.ports.iter().position(|port| port.name == name);
        match at.and_then(|at| self.values.get(at)) {
            Some(value) => value.view(name),
            None => Err(Error::Model(Detail::new(
                "model.output",
                format!("the network has no output `{name}`; it is not one for this place"),
            ))),
        }
    }

    /// Every output as it is, by name, for later runs.
    pub(crate) fn keep(self) -> Vec<(String, Kept)> {
        let names = self.ports.iter().map(|port| port.name.clone());
        names.zip(self.values.into_iter().map(Kept)).collect()
    }
}

impl Value {
    fn view(&self, name: &str) -> Result<ArrayViewD<'_, f32>> {
        let view = match self {
            Self::There(value) => value.try_extract_array().map_err(|e| not_floats(Some(e)))?,
            Self::Here(array) => array.view(),
        };
        // A clip of such numbers would be garbage, or one in which silently nothing moves.
        if view.iter().all(|number: &f32| number.is_finite()) {
            return Ok(view);
        }
        Err(Error::Model(Detail::new(
            "model.output",
            format!(
                "the network's output `{name}` holds numbers that are none: its file is damaged, \
                 take it from its source again"
            ),
        )))
    }

    fn new(value: DynValue) -> Result<Self> {
        match value.dtype() {
            ValueType::Tensor { ty: TensorElementType::Float32, .. } => Ok(Self::There(value)),
            ValueType::Tensor { ty: TensorElementType::Float16, .. } => {
                let halves =
                    value.try_extract_array::<f16>().map_err(|error| not_floats(Some(error)))?;
                Ok(Self::Here(halves.mapv(f32::from)))
            }
            _ => Err(not_floats(None)),
        }
    }
}

fn not_floats(error: Option<ort::Error>) -> Error {
    let detail = Detail::new(
        "model.output",
        "the network gives something else than single or half precision numbers",
    );
    Error::Model(match error {
        Some(error) => detail.because(error),
        None => detail,
    })
}
