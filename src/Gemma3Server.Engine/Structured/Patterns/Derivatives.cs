using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>
/// What is left of a pattern behind a character (Brzozowski 1964; Owens, Reppy and Turon 2009): how patterns with And and Not are decided.
/// </summary>
internal sealed class Derivatives(PatternFactory factory)
{
    private readonly Dictionary<(int Pattern, int Character), Pattern> _known = [];
    private readonly Dictionary<int, CodePointSet[]> _classes = [];

    /// <summary>Whether a text belongs to a pattern.</summary>
    public bool Matches(Pattern pattern, string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            // One character of each class has been derived, whichever stands for it.
            var set = Array.Find(Classes(pattern), c => c.Contains(rune.Value));
            if (set is null) return false;
            pattern = Behind(pattern, set.First);
        }

        return pattern.IsNullable;
    }

    /// <summary>The pattern of what may follow a character.</summary>
    public Pattern Behind(Pattern pattern, int character)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (pattern.Kind)
        {
            case PatternKind.Nothing or PatternKind.Empty:
                return factory.Nothing;
            case PatternKind.Set:
                return pattern.Set.Contains(character) ? factory.Empty : factory.Nothing;
        }

        if (_known.TryGetValue((pattern.Id, character), out var known)) return known;
        var parts = pattern.Parts;
        return _known[(pattern.Id, character)] = pattern.Kind switch
        {
            PatternKind.Sequence when parts[0].IsNullable =>
                factory.Or(factory.Sequence(Behind(parts[0], character), parts[1]), Behind(parts[1], character)),
            PatternKind.Sequence => factory.Sequence(Behind(parts[0], character), parts[1]),
            PatternKind.Or => factory.Or(Array.ConvertAll(parts, p => Behind(p, character))),
            PatternKind.And => factory.And(Array.ConvertAll(parts, p => Behind(p, character))),
            PatternKind.Not => factory.Not(Behind(parts[0], character)),
            PatternKind.Repeat => factory.Sequence(Behind(parts[0], character), factory.Repeat(
                parts[0], Math.Max(0, pattern.Min - 1), pattern.Max == Pattern.Unbounded ? Pattern.Unbounded : pattern.Max - 1)),
            _ => throw new InvalidOperationException($"A {pattern.Kind} has no derivative."),
        };
    }

    /// <summary>Sets of characters, all of Unicode together, within each of which a pattern goes on alike.</summary>
    public CodePointSet[] Classes(Pattern pattern)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (_classes.TryGetValue(pattern.Id, out var known)) return known;
        var parts = pattern.Parts;
        return _classes[pattern.Id] = pattern.Kind switch
        {
            PatternKind.Set => Split(pattern.Set),
            PatternKind.Sequence when parts[0].IsNullable => Cross(Classes(parts[0]), Classes(parts[1])),
            PatternKind.Sequence or PatternKind.Not or PatternKind.Repeat => Classes(parts[0]),
            PatternKind.Or or PatternKind.And => parts.Select(Classes).Aggregate(Cross),
            _ => [CodePointSet.All],
        };
    }

    private static CodePointSet[] Split(CodePointSet set) =>
        set.Not() is { IsEmpty: false } others ? [set, others] : [set];

    private static CodePointSet[] Cross(CodePointSet[] left, CodePointSet[] right)
    {
        if (left.Length == 1) return right;
        if (right.Length == 1) return left;
        var both = new List<CodePointSet>();
        foreach (var l in left)
        {
            foreach (var r in right)
            {
                if (l.And(r) is { IsEmpty: false } common) both.Add(common);
            }
        }

        return [.. both];
    }
}
