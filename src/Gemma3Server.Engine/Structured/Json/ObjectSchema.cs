using System.Text.RegularExpressions;
using Gemma3Server.Engine.Structured.Automata;
using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Json;

/// <summary>Builds the network of objects.</summary>
internal sealed partial class ObjectSchema(
    GrammarBuilder builder, JsonGrammar json, PatternFactory factory, SchemaMerge merge, Func<SchemaNode, int, int> value)
{
    private const string IdentifierPattern = "[A-Za-z_][A-Za-z0-9_]*";

    /// <summary>
    /// An object. Every property has one network, which is come to from two sides: without a comma as long as none has been written, with one
    /// afterwards.
    /// </summary>
    public int Build(SchemaNode schema, int next)
    {
        var (first, empty) = Entries(schema, json.Close('}', next), keywords: false);
        return json.Open('{', first, empty);
    }

    /// <summary>An object as the keyword arguments of a Python call, with its closing parenthesis.</summary>
    public int BuildKeywords(SchemaNode schema, int next)
    {
        var (first, empty) = Entries(schema, json.Text(")", next), keywords: true);
        return builder.Split(first, empty);
    }

    /// <summary>The network of the first property, and of none.</summary>
    private (int First, int Empty) Entries(SchemaNode schema, int close, bool keywords)
    {
        var members = Members(schema);
        var (first, further) = Others(schema, close, keywords);
        var empty = close;
        var required = schema.Required.ToHashSet(StringComparer.Ordinal);
        for (var i = members.Count - 1; i >= 0; i--)
        {
            var (name, member) = members[i];
            var isRequired = required.Contains(name);
            if (keywords && !Identifier.IsMatch(name))
                throw new GrammarException($"'{name}' cannot be the name of a keyword argument; the JSON form of calls can write it.", "/properties");
            var behind = value(member, further);
            var entry = keywords ? json.Text(name + "=", behind) : json.Text(JsonGrammar.Quote(name), json.Colon(behind));
            first = builder.Split(entry, isRequired ? GrammarBuilder.Dead : first);
            if (isRequired) empty = GrammarBuilder.Dead;
            further = builder.Split(json.Comma(entry), isRequired ? GrammarBuilder.Dead : further);
        }

        return (first, empty);
    }

    /// <summary>The described properties, each with the patterns it matches, and those that are only required.</summary>
    private List<(string Name, SchemaNode Schema)> Members(SchemaNode schema)
    {
        var members = new List<(string, SchemaNode)>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, property) in schema.Properties)
        {
            if (!names.Add(name)) continue; // repeated in the schema's text; the first counts
            var matching = schema.PatternProperties.Count == 0 ? null : merge.Unnamed(schema with { Additional = null }, name);
            members.Add((name, SchemaMerge.All([property, matching])));
        }

        foreach (var name in schema.Required)
        {
            if (names.Add(name)) members.Add((name, merge.Unnamed(schema, name) ?? new() { Key = "true" }));
        }

        return members;
    }

    /// <summary>What follows the described properties: as the first of the object, and behind others.</summary>
    private (int First, int Further) Others(SchemaNode schema, int close, bool keywords)
    {
        var names = factory.Or(
            [.. schema.Properties.Select(p => p.Key).Concat(schema.Required).Distinct(StringComparer.Ordinal).Select(factory.Literal)]);
        var more = builder.Reserve();
        var ways = new List<int>();
        for (var i = 0; i < schema.PatternProperties.Count; i++)
        {
            var (key, member) = schema.PatternProperties[i];
            var others = schema.PatternProperties.Where((_, j) => j != i).Select(p => p.Key);
            ways.Add(Entry(factory.And(key, factory.Not(factory.Or([names, .. others]))), member));
        }

        var additional = schema.Additional ?? (schema.Properties.Count + schema.PatternProperties.Count == 0 ? new SchemaNode { Key = "true" } : null);
        if (additional is not null)
            ways.Add(Entry(factory.Not(factory.Or([names, .. schema.PatternProperties.Select(p => p.Key)])), additional));

        var entry = builder.Split([.. ways]);
        builder.Define(more, entry == GrammarBuilder.Dead ? entry : json.Comma(entry), close);
        return (entry, more);

        int Entry(Pattern key, SchemaNode member)
        {
            if (keywords) return json.Plain(factory.And(key, RegexParser.Whole(factory, IdentifierPattern)), json.Text("=", value(member, more)));
            var behind = json.Colon(value(member, more));
            return key == factory.AnyText ? json.String(0, GrammarNode.Unbounded, behind) : json.String(key, behind);
        }
    }

    [GeneratedRegex("^(" + IdentifierPattern + ")\\z")]
    private static partial Regex Identifier { get; }
}
