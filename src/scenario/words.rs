//! Enums whose variants are words in a file.

/// An enum whose variants are words in a file: read, shown, and listed in the schema.
macro_rules! words {
    (
        $(#[$attribute:meta])*
        $name:ident $what:literal { $($(#[$variant_attribute:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the words say it")]
        pub enum $name { $($(#[$variant_attribute])* $variant,)+ }

        impl $name {
            const WORDS: &[(&'static str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word for it in a file.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl $crate::source::document::FromNode for $name {
            fn from_node(node: &$crate::source::yaml::Node,
                reader: &mut $crate::source::document::Reader<'_>,
            ) -> Option<Self> {
                $crate::source::document::word(node, $what, Self::WORDS, reader)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"enum": [$($word),+]})
            }
        }
    };
}
