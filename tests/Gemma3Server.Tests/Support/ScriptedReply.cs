using Gemma3Server.Testing;

namespace Gemma3Server.Tests.Support;

/// <summary>Makes the fake model answer with a given text and then end its turn.</summary>
internal static class ScriptedReply
{
    private const int AnswerHeader = 6; // "model\n", one token per byte

    public static Func<IReadOnlyList<int>, int?> Of(string reply)
    {
        var tokens = new FakeTokenizer().Tokenize(reply);
        return held =>
        {
            // What stands after the last answer header has been generated already.
            var start = held.Count - 1;
            while (start >= 0 && held[start] != FakeTokenizer.StartOfTurn) start--;
            if (start < 0) return null; // a prompt without turns
            var generated = held.Count - (start + 1 + AnswerHeader);
            return generated < 0 ? null : generated < tokens.Length ? tokens[generated] : FakeTokenizer.EndOfTurn;
        };
    }
}
