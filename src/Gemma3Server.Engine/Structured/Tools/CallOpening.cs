using System.Text;
using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Structured.Tools;

/// <summary>How a call begins: some literal characters, the name of a tool, and a character that ends the name.</summary>
/// <param name="Literal">The characters before the name; the first one occurs in them only there, and in no name.</param>
/// <param name="Blank">Places in <paramref name="Literal"/> before which there may be white space; its length = before the name.</param>
/// <param name="Canonical">The literal as it is written where nothing else is allowed.</param>
/// <param name="NameEnd">What follows the name.</param>
internal sealed record CallOpening(string Literal, int[] Blank, string Canonical, char NameEnd)
{
    private static readonly ByteSet WhiteSpace = ByteSet.Of(' ') | ByteSet.Of('\t') | ByteSet.Of('\n') | ByteSet.Of('\r');

    /// <summary><c>{"name": "f"</c></summary>
    public static CallOpening Json { get; } = new("{\"name\":\"", [1, 7, 8], "{\"name\": \"", '"');

    /// <summary><c>[f(</c></summary>
    public static CallOpening Pythonic { get; } = new("[", [1], "[", '(');

    /// <summary>The opening and nothing else, in its canonical form.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="behind">For each tool's name what follows the opening.</param>
    public int Strict(GrammarBuilder builder, IReadOnlyDictionary<string, int> behind) =>
        builder.Literal(Encoding.UTF8.GetBytes(Canonical), Names(builder, behind));

    /// <summary>The names, each with its end.</summary>
    public int Names(GrammarBuilder builder, IReadOnlyDictionary<string, int> behind) =>
        builder.Split([.. behind.Select(tool => builder.Literal(Encoding.UTF8.GetBytes(tool.Key + NameEnd), tool.Value))]);

    /// <summary>
    /// Any bytes, up to the end of the first opening. It is one deterministic automaton, whose states are how much of an opening the text
    /// ends with: since the opening's first character does not come again in it, what does not fit is behind at most that one.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="behind">For each tool's name what follows the opening.</param>
    public int Free(GrammarBuilder builder, IReadOnlyDictionary<string, int> behind)
    {
        var states = new int[Literal.Length + 1];
        for (var i = 0; i < states.Length; i++) states[i] = builder.Reserve();
        for (var i = 0; i < Literal.Length; i++)
        {
            var ways = new Ways(builder, states[0], states[1], ByteSet.Of(Literal[0]));
            if (Blank.Contains(i)) ways.Add(WhiteSpace, states[i]);
            ways.Add(ByteSet.Of(Literal[i]), states[i + 1]);
            ways.Define(states[i]);
        }

        DefineNames(builder, states, states[^1], "", behind);
        return states[0];
    }

    private void DefineNames(GrammarBuilder builder, int[] states, int node, string prefix, IReadOnlyDictionary<string, int> behind)
    {
        var ways = new Ways(builder, states[0], states[1], ByteSet.Of(Literal[0]));
        if (prefix.Length == 0 && Blank.Contains(Literal.Length)) ways.Add(WhiteSpace, node);
        if (behind.TryGetValue(prefix, out var next)) ways.Add(ByteSet.Of(NameEnd), next);
        foreach (var further in behind.Where(tool => tool.Key.Length > prefix.Length && tool.Key.StartsWith(prefix, StringComparison.Ordinal))
            .GroupBy(tool => tool.Key[prefix.Length]))
        {
            var child = builder.Reserve();
            DefineNames(builder, states, child, prefix + further.Key, new Dictionary<string, int>(further));
            ways.Add(ByteSet.Of(further.Key), child);
        }

        ways.Define(node);
    }

    /// <summary>The ways on from a state of free text: those that are added, or back.</summary>
    private sealed class Ways(GrammarBuilder builder, int start, int begun, ByteSet beginning)
    {
        private readonly List<int> _targets = [GrammarBuilder.Return];
        private ByteSet _taken;

        public void Add(ByteSet bytes, int next)
        {
            _targets.Add(builder.Bytes(bytes, next));
            _taken |= bytes;
        }

        public void Define(int node)
        {
            _targets.Add(builder.Bytes(beginning & ~_taken, begun));
            _targets.Add(builder.Bytes(~(_taken | beginning), start));
            builder.Define(node, [.. _targets]);
        }
    }
}
