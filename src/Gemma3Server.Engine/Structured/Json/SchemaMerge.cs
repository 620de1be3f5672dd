using System.Text.Json;
using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Json;

/// <summary>Makes one schema of two that have to be satisfied both.</summary>
internal sealed class SchemaMerge(PatternFactory factory, Derivatives derivatives)
{
    /// <summary>The schema of both; neither of them may be composite. What it is made of may be.</summary>
    public SchemaNode Merge(SchemaNode left, SchemaNode right)
    {
        if (left.IsTrue) return right;
        if (right.IsTrue) return left;
        var merged = Tighten(left, right.Minimum, right.ExcludesMinimum, right.Maximum, right.ExcludesMaximum);
        return merged with
        {
            Key = JoinKeys(left.Key, right.Key),
            IsFalse = left.IsFalse || right.IsFalse,
            Types = left.Types is { } l && right.Types is { } r ? l & r : left.Types ?? right.Types,
            Values = left.Values is null ? right.Values : right.Values is null ? left.Values : CommonValues(left.Values, right.Values),
            MinLength = Math.Max(left.MinLength, right.MinLength),
            MaxLength = Math.Min(left.MaxLength, right.MaxLength),
            Text = left.Text is null ? right.Text : right.Text is null ? left.Text : factory.And(left.Text, right.Text),
            Properties = [.. Properties(left, right), .. Properties(right, left).Where(p => Find(left, p.Key) is null)],
            PatternProperties =
            [
                .. left.PatternProperties.Select(p => KeyValuePair.Create(p.Key, All([p.Value, right.Additional]))),
                .. right.PatternProperties.Select(p => KeyValuePair.Create(p.Key, All([p.Value, left.Additional]))),
            ],
            Additional = left.Additional is null ? right.Additional : All([left.Additional, right.Additional]),
            Required = [.. left.Required.Union(right.Required)],
            PrefixItems = Prefix(left, right),
            Items = left.Items is null ? right.Items : All([left.Items, right.Items]),
            MinItems = Math.Max(left.MinItems, right.MinItems),
            MaxItems = Math.Min(left.MaxItems, right.MaxItems),
            AnyOf = [.. left.AnyOf, .. right.AnyOf],
        };
    }

    /// <summary>The schema that a property of an object has by its patterns, or else as an additional one; null = nothing is said.</summary>
    public SchemaNode? Unnamed(SchemaNode schema, string name)
    {
        var matching = schema.PatternProperties.Where(p => derivatives.Matches(p.Key, name)).Select(p => p.Value).ToList();
        return matching.Count > 0 ? All(matching) : schema.Additional;
    }

    /// <summary>The schema of all that are not null, of which there must be one.</summary>
    public static SchemaNode All(IEnumerable<SchemaNode?> schemas)
    {
        var all = schemas.OfType<SchemaNode>().DistinctBy(s => s.Key).Where(s => !s.IsTrue).ToList();
        if (all.Count == 0) return schemas.OfType<SchemaNode>().First();
        return all.Count == 1 ? all[0] : new() { Key = all.Select(s => s.Key).Aggregate(JoinKeys), AllOf = all };
    }

    public static SchemaNode Tighten(SchemaNode node, decimal? minimum, bool excludesMinimum, decimal? maximum, bool excludesMaximum)
    {
        if (minimum is { } low && (node.Minimum is not { } least || low > least || (low == least && excludesMinimum)))
            node = node with { Minimum = low, ExcludesMinimum = excludesMinimum };
        if (maximum is { } high && (node.Maximum is not { } most || high < most || (high == most && excludesMaximum)))
            node = node with { Maximum = high, ExcludesMaximum = excludesMaximum };
        return node;
    }

    public static IReadOnlyList<JsonElement> CommonValues(IReadOnlyList<JsonElement> left, IReadOnlyList<JsonElement> right) =>
        [.. left.Where(l => right.Any(r => JsonElement.DeepEquals(l, r)))];

    /// <summary>The named properties of one, each with what the other says of it.</summary>
    private IEnumerable<KeyValuePair<string, SchemaNode>> Properties(SchemaNode schema, SchemaNode other) =>
        schema.Properties.Select(p => KeyValuePair.Create(p.Key, All([p.Value, Find(other, p.Key) ?? Unnamed(other, p.Key)])));

    private static SchemaNode? Find(SchemaNode schema, string name) =>
        schema.Properties.FirstOrDefault(p => string.Equals(p.Key, name, StringComparison.Ordinal)).Value;

    private static List<SchemaNode> Prefix(SchemaNode left, SchemaNode right)
    {
        var prefix = new List<SchemaNode>();
        for (var i = 0; i < Math.Max(left.PrefixItems.Count, right.PrefixItems.Count); i++) prefix.Add(All([At(left, i), At(right, i)]));
        return prefix;

        static SchemaNode? At(SchemaNode schema, int index) => index < schema.PrefixItems.Count ? schema.PrefixItems[index] : schema.Items;
    }

    private static string JoinKeys(string left, string right) =>
        string.Join('&', left.Split('&').Concat(right.Split('&')).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
}
