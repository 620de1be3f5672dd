using System.Text.Json;
using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Json;

/// <summary>One schema as it was read, or several merged. Immutable.</summary>
internal sealed record SchemaNode
{
    /// <summary>JSON pointer of where it stands; of merged ones, all of them. Equal keys are the same schema.</summary>
    public required string Key { get; init; }

    /// <summary>Whether nothing satisfies it.</summary>
    public bool IsFalse { get; init; }

    /// <summary>Pointer of another schema that has to be satisfied too.</summary>
    public string? Reference { get; init; }

    /// <summary>The types it names; <see langword="null"/> when it names none.</summary>
    public JsonTypes? Types { get; init; }

    /// <summary>The values it allows; <see langword="null"/> = any.</summary>
    public IReadOnlyList<JsonElement>? Values { get; init; }

    public decimal? Minimum { get; init; }

    public decimal? Maximum { get; init; }

    public bool ExcludesMinimum { get; init; }

    public bool ExcludesMaximum { get; init; }

    public int MinLength { get; init; }

    public int MaxLength { get; init; } = Pattern.Unbounded;

    /// <summary>What patterns and formats say of the characters of a string; <see langword="null"/> = nothing.</summary>
    public Pattern? Text { get; init; }

    public IReadOnlyList<KeyValuePair<string, SchemaNode>> Properties { get; init; } = [];

    public IReadOnlyList<KeyValuePair<Pattern, SchemaNode>> PatternProperties { get; init; } = [];

    /// <summary>The schema of other properties; <see langword="null"/> = it does not say.</summary>
    public SchemaNode? Additional { get; init; }

    public IReadOnlyList<string> Required { get; init; } = [];

    public IReadOnlyList<SchemaNode> PrefixItems { get; init; } = [];

    public SchemaNode? Items { get; init; }

    public int MinItems { get; init; }

    public int MaxItems { get; init; } = Pattern.Unbounded;

    /// <summary>Groups of schemas; one of each group has to be satisfied too.</summary>
    public IReadOnlyList<IReadOnlyList<SchemaNode>> AnyOf { get; init; } = [];

    /// <summary>Schemas that have to be satisfied too.</summary>
    public IReadOnlyList<SchemaNode> AllOf { get; init; } = [];

    /// <summary>Whether it must be merged with others before it can be used.</summary>
    public bool IsComposite => Reference is not null || AllOf.Count > 0;

    /// <summary>Whether it is a reference and says nothing else.</summary>
    public bool IsReferenceOnly => Reference is not null && AllOf.Count == 0 && AnyOf.Count == 0 && !HasOwnConstraints;

    /// <summary>Whether anything satisfies it.</summary>
    public bool IsTrue => !IsFalse && !IsComposite && AnyOf.Count == 0 && !HasOwnConstraints;

    /// <summary>The types that are generated for it: those it names, or else those that its keywords speak of.</summary>
    public JsonTypes EffectiveTypes
    {
        get
        {
            if (Types is { } named) return named;
            var types = JsonTypes.None;
            if (SpeaksOfObjects) types |= JsonTypes.Object;
            if (SpeaksOfArrays) types |= JsonTypes.Array;
            if (SpeaksOfStrings) types |= JsonTypes.String;
            if (SpeaksOfNumbers) types |= JsonTypes.Number;
            return types == JsonTypes.None ? JsonTypes.All : types;
        }
    }

    public bool SpeaksOfObjects => Properties.Count > 0 || PatternProperties.Count > 0 || Additional is not null || Required.Count > 0;

    public bool SpeaksOfArrays => PrefixItems.Count > 0 || Items is not null || MinItems > 0 || MaxItems != Pattern.Unbounded;

    private bool SpeaksOfStrings => Text is not null || MinLength > 0 || MaxLength != Pattern.Unbounded;

    private bool SpeaksOfNumbers => Minimum is not null || Maximum is not null;

    private bool HasOwnConstraints =>
        IsFalse || Types is not null || Values is not null || SpeaksOfObjects || SpeaksOfArrays || SpeaksOfStrings || SpeaksOfNumbers;
}
