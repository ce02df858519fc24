//! CBOR (RFC 8949) of the values that OpenMLS stores. It is what ciborium writes and reads, but for one thing: a list of bytes is a byte
//! string, not an array with a number for each byte. A ratchet is written with every message, and most of it is such lists; so it is half
//! as long, and takes a fraction of the time.

use std::fmt::Display;

use serde::ser::{self, Serialize};

use super::bag::Damaged;

/// The bytes of a value.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Damaged> {
    let mut writer = Writer { out: Vec::with_capacity(SIZE_USUAL), byte: None };
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

/// What is written so far.
struct Writer {
    out: Vec<u8>,
    /// The value written last, if it was a byte.
    byte: Option<u8>,
}

/// The items of a list or map that is being written.
struct Items<'a> {
    writer: &'a mut Writer,
    /// Where it begins.
    at: usize,
    /// As long as there was nothing else in it.
    bytes: Option<Vec<u8>>,
}

impl Writer {
    /// The head of an item: its major type (RFC 8949 section 3) and its number or length.
    fn head(&mut self, major: u8, number: u64) {
        let major = major << 5;
        self.byte = None;
        match number {
            0..24 => self.out.push(major | number as u8),
            24..0x100 => self.out.extend_from_slice(&[major | 24, number as u8]),
            0x100..0x1_0000 => {
                self.out.push(major | 25);
                self.out.extend_from_slice(&(number as u16).to_be_bytes());
            }
            0x1_0000..0x1_0000_0000 => {
                self.out.push(major | 26);
                self.out.extend_from_slice(&(number as u32).to_be_bytes());
            }
            _ => {
                self.out.push(major | 27);
                self.out.extend_from_slice(&number.to_be_bytes());
            }
        }
    }

    fn simple(&mut self, value: u8) -> Result<(), Damaged> {
        self.byte = None;
        self.out.push(SIMPLE << 5 | value);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn items(&mut self, major: u8, count: Option<usize>) -> Result<Items<'_>, Damaged> {
        let at = self.out.len();
        self.head(major, count.ok_or(Damaged)? as u64);
        Ok(Items { writer: self, at, bytes: None })
    }

    /// What is in something else: no byte of a list of bytes.
    fn inner<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Damaged> {
        value.serialize(&mut *self)?;
        self.byte = None;
        Ok(())
    }

    /// The one entry of the map that stands for a variant with something in it.
    fn variant(&mut self, name: &str) -> &mut Self {
        self.head(MAP, 1);
        self.text(name);
        self
    }
}

impl Items<'_> {
    fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Damaged> {
        value.serialize(&mut *self.writer)?;
        match (&mut self.bytes, self.writer.byte) {
            (Some(bytes), Some(byte)) => bytes.push(byte),
            _ => self.bytes = None,
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Damaged> {
        if let Some(bytes) = self.bytes.filter(|bytes| !bytes.is_empty()) {
            self.writer.out.truncate(self.at);
            self.writer.head(BYTES, bytes.len() as u64);
            self.writer.out.extend_from_slice(&bytes);
        }
        self.writer.byte = None;
        Ok(())
    }
}

impl<'a> ser::Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Damaged;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Items<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Items<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Damaged> {
        self.simple(FALSE + u8::from(value))
    }

    fn serialize_i8(self, value: i8) -> Result<(), Damaged> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Damaged> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Damaged> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Damaged> {
        // A negative number n is written as -1 - n, which is its complement.
        let major = if value < 0 { NEGATIVE } else { NUMBER };
        self.head(major, (if value < 0 { !value } else { value }).unsigned_abs());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Damaged> {
        self.head(NUMBER, value.into());
        self.byte = Some(value);
        Ok(())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Damaged> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Damaged> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Damaged> {
        self.head(NUMBER, value);
        Ok(())
    }

    // OpenMLS stores no fractions.
    fn serialize_f32(self, _: f32) -> Result<(), Damaged> {
        Err(Damaged)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Damaged> {
        Err(Damaged)
    }

    fn serialize_char(self, value: char) -> Result<(), Damaged> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Damaged> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Damaged> {
        self.head(BYTES, value.len() as u64);
        self.out.extend_from_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Damaged> {
        self.simple(NULL)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Damaged> {
        // In a list beside `None` it is no byte.
        self.inner(value)
    }

    fn serialize_unit(self) -> Result<(), Damaged> {
        self.simple(NULL)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Damaged> {
        self.simple(NULL)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Damaged> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Damaged> {
        self.inner(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Damaged> {
        self.variant(variant).inner(value)
    }

    fn serialize_seq(self, count: Option<usize>) -> Result<Items<'a>, Damaged> {
        let items = self.items(ARRAY, count)?;
        Ok(Items { bytes: Some(Vec::with_capacity(count.unwrap_or(0).min(SIZE_USUAL))), ..items })
    }

    fn serialize_tuple(self, count: usize) -> Result<Items<'a>, Damaged> {
        self.items(ARRAY, Some(count))
    }

    fn serialize_tuple_struct(self, _: &'static str, count: usize) -> Result<Items<'a>, Damaged> {
        self.items(ARRAY, Some(count))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, count: usize) -> Result<Items<'a>, Damaged> {
        self.variant(variant).items(ARRAY, Some(count))
    }

    fn serialize_map(self, count: Option<usize>) -> Result<Items<'a>, Damaged> {
        self.items(MAP, count)
    }

    fn serialize_struct(self, _: &'static str, count: usize) -> Result<Items<'a>, Damaged> {
        self.items(MAP, Some(count))
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, count: usize) -> Result<Items<'a>, Damaged> {
        self.variant(variant).items(MAP, Some(count))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Lists.
macro_rules! list {
    ($($kind:ident: $put:ident;)+) => {
        $(impl ser::$kind for Items<'_> {
            type Ok = ();
            type Error = Damaged;

            fn $put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Damaged> {
                self.put(value)
            }

            fn end(self) -> Result<(), Damaged> {
                self.finish()
            }
        })+
    };
}

list! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

/// Maps with names for keys.
macro_rules! named {
    ($($kind:ident;)+) => {
        $(impl ser::$kind for Items<'_> {
            type Ok = ();
            type Error = Damaged;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Damaged> {
                self.writer.text(name);
                self.put(value)
            }

            fn end(self) -> Result<(), Damaged> {
                self.finish()
            }
        })+
    };
}

named! {
    SerializeStruct;
    SerializeStructVariant;
}

impl ser::SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Damaged;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Damaged> {
        self.put(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Damaged> {
        self.put(value)
    }

    fn end(self) -> Result<(), Damaged> {
        self.finish()
    }
}

impl ser::Error for Damaged {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// Major types.
const NUMBER: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;
/// Simple values; `true` is the next one after `false`.
const FALSE: u8 = 20;
const NULL: u8 = 22;
/// Bytes of a ratchet of two devices.
const SIZE_USUAL: usize = 1_024;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that fails says where.
mod tests {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize};

    use super::encode;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Point,
        Line(u16),
        Dot(u8),
        Corner(u8, i64),
        Box { sides: Vec<Option<u8>>, name: String },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Level(u8);

    fn assert_reads_as_ciborium_writes<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
        let mut theirs = Vec::new();
        ciborium::into_writer(value, &mut theirs).unwrap();
        let ours = encode(value).unwrap();
        assert_eq!(ciborium::from_reader::<T, _>(&ours[..]).unwrap(), *value);
        assert_eq!(ciborium::from_reader::<T, _>(&theirs[..]).unwrap(), *value);
        assert!(ours.len() <= theirs.len());
    }

    #[test]
    fn what_is_written_is_read_by_ciborium_as_what_it_was() {
        assert_reads_as_ciborium_writes(&[0_u64, 23, 24, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, u64::MAX]);
        assert_reads_as_ciborium_writes(&[0_i64, -1, -24, -25, 255, -256, -257, i64::MIN, i64::MAX]);
        assert_reads_as_ciborium_writes(&(true, false, (), Some("ß".to_owned()), None::<u8>, 'ä', [1_u8, 2, 255]));
        assert_reads_as_ciborium_writes(&vec![Some(1_u8), None, Some(255)]);
        assert_reads_as_ciborium_writes(&vec![Some(1_u8), Some(2)]);
        assert_reads_as_ciborium_writes(&vec![vec![1_u8, 200], Vec::new(), (0..=255).collect()]);
        assert_reads_as_ciborium_writes(&BTreeMap::from([(vec![7_u8], Shape::Point), (vec![8], Shape::Line(9))]));
        assert_reads_as_ciborium_writes(&vec![Shape::Corner(1, -2), Shape::Box { sides: vec![Some(3), None], name: "four".to_owned() }]);
        assert_reads_as_ciborium_writes(&vec![Shape::Dot(1), Shape::Dot(255)]);
        assert_reads_as_ciborium_writes(&vec![Level(1), Level(255)]);
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(encode(&bytes).unwrap().len(), 3 + 256, "a byte string");
    }
}
