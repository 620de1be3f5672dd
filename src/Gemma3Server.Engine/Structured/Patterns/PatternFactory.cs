using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>Makes patterns in a normal form, each once. Not thread-safe; one for each compilation.</summary>
internal sealed class PatternFactory
{
    private const int MostPatterns = 300_000;

    private readonly Dictionary<Key, Pattern> _known = [];

    public PatternFactory()
    {
        Nothing = Make(new(PatternKind.Nothing));
        Empty = Make(new(PatternKind.Empty), nullable: true);
        AnyCharacter = Set(CodePointSet.All);
        AnyText = Repeat(AnyCharacter, 0, Pattern.Unbounded);
        Start = Make(new(PatternKind.Start), anchors: true);
        End = Make(new(PatternKind.End), anchors: true);
    }

    public Pattern Nothing { get; }

    public Pattern Empty { get; }

    public Pattern AnyCharacter { get; }

    public Pattern AnyText { get; }

    public Pattern Start { get; }

    public Pattern End { get; }

    public Pattern Set(CodePointSet set) => set.IsEmpty ? Nothing : Make(new(PatternKind.Set) { Set = set });

    public Pattern Rule(int rule) => Make(new(PatternKind.Rule) { Number = rule });

    public Pattern Literal(string text)
    {
        var parts = new List<Pattern>();
        foreach (var rune in text.EnumerateRunes()) parts.Add(Set(CodePointSet.Of(rune.Value)));
        return Sequence([.. parts]);
    }

    public Pattern Sequence(params ReadOnlySpan<Pattern> parts)
    {
        var sequence = Empty;
        for (var i = parts.Length - 1; i >= 0; i--) sequence = Pair(parts[i], sequence);
        return sequence;
    }

    public Pattern Or(params ReadOnlySpan<Pattern> parts)
    {
        var all = new Dictionary<int, Pattern>();
        var set = CodePointSet.Empty;
        foreach (var part in parts)
        {
            foreach (var one in part.Kind == PatternKind.Or ? part.Parts : [part])
            {
                if (one == AnyText) return AnyText;
                if (one.Kind == PatternKind.Set) set = set.Or(one.Set);
                else if (one != Nothing) all[one.Id] = one;
            }
        }

        if (!set.IsEmpty && Set(set) is var sets) all[sets.Id] = sets;
        return Join(PatternKind.Or, all, none: Nothing, nullable: all.Values.Any(p => p.IsNullable));
    }

    public Pattern And(params ReadOnlySpan<Pattern> parts)
    {
        var all = new Dictionary<int, Pattern>();
        foreach (var part in parts)
        {
            foreach (var one in part.Kind == PatternKind.And ? part.Parts : [part])
            {
                if (one == Nothing) return Nothing;
                if (one != AnyText) all[one.Id] = one;
            }
        }

        return Join(PatternKind.And, all, none: AnyText, nullable: all.Values.All(p => p.IsNullable));
    }

    public Pattern Not(Pattern part)
    {
        if (part.Kind == PatternKind.Not) return part.Parts[0];
        if (part == Nothing) return AnyText;
        return part == AnyText ? Nothing : Make(new(PatternKind.Not) { Parts = [part] }, !part.IsNullable);
    }

    public Pattern Repeat(Pattern part, int min, int max)
    {
        if (max == 0 || part == Empty) return Empty;
        if (part == Nothing) return min == 0 ? Empty : Nothing;
        if (min == 1 && max == 1) return part;
        if (part.IsNullable) min = 0;
        return Make(new(PatternKind.Repeat) { Parts = [part], Number = min, Max = max }, min == 0);
    }

    private Pattern Pair(Pattern head, Pattern rest)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (head == Empty) return rest;
        if (rest == Empty) return head;
        if (head == Nothing || rest == Nothing) return Nothing;
        if (head == AnyText && rest == AnyText) return AnyText;
        if (head.Kind == PatternKind.Sequence) return Pair(head.Parts[0], Pair(head.Parts[1], rest));
        return Make(new(PatternKind.Sequence) { Parts = [head, rest] }, head.IsNullable && rest.IsNullable);
    }

    private Pattern Join(PatternKind kind, Dictionary<int, Pattern> parts, Pattern none, bool nullable)
    {
        if (parts.Count == 0) return none;
        var sorted = parts.Values.ToArray();
        Array.Sort(sorted, static (x, y) => x.Id.CompareTo(y.Id));
        return sorted.Length == 1 ? sorted[0] : Make(new(kind) { Parts = sorted }, nullable);
    }

    private Pattern Make(Key key, bool nullable = false, bool anchors = false)
    {
        if (_known.TryGetValue(key, out var known)) return known;
        if (_known.Count >= MostPatterns) throw new GrammarException("The regular expressions are too large together.");
        var parts = key.Parts;
        return _known[key] = new()
        {
            Kind = key.Kind,
            Id = _known.Count,
            Set = key.Set ?? CodePointSet.Empty,
            Parts = parts,
            Min = key.Number,
            Max = key.Max,
            Rule = key.Number,
            IsNullable = nullable,
            IsBoolean = key.Kind is PatternKind.And or PatternKind.Not || Array.Exists(parts, p => p.IsBoolean),
            HasAnchors = anchors || Array.Exists(parts, p => p.HasAnchors),
        };
    }

    private readonly record struct Key(PatternKind Kind)
    {
        public CodePointSet? Set { get; init; }

        public Pattern[] Parts { get; init; } = [];

        public int Number { get; init; }

        public int Max { get; init; }

        public bool Equals(Key other) => Kind == other.Kind && Number == other.Number && Max == other.Max
            && Equals(Set, other.Set) && Parts.AsSpan().SequenceEqual(other.Parts);

        public override int GetHashCode()
        {
            var hash = HashCode.Combine(Kind, Number, Max, Set);
            foreach (var part in Parts) hash = (hash * 31) + part.Id;
            return hash;
        }
    }
}
