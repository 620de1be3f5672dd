using System.Diagnostics.CodeAnalysis;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>Compares states by what they are.</summary>
internal sealed class StateComparer : IEqualityComparer<GrammarState>
{
    public static readonly StateComparer Instance = new();

    public bool Equals(GrammarState? x, GrammarState? y) =>
        ReferenceEquals(x, y) || (x is not null && y is not null && x.Accepts == y.Accepts && x.Items.AsSpan().SequenceEqual(y.Items));

    public int GetHashCode([DisallowNull] GrammarState obj)
    {
        var hash = obj.Accepts ? 17 : 31;
        foreach (var (node, frame) in obj.Items) hash = (hash * 486_187_739) + (node * 16_777_619) + frame.Id;
        return hash;
    }
}
