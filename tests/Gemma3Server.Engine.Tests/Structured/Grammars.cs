using System.Text;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Tests.Structured;

/// <summary>Compiles grammars for tests, and asks what they allow.</summary>
internal static class Grammars
{
    public static readonly PieceTokenizer Tokenizer = new();

    public static readonly TokenVocabulary Vocabulary = new(Tokenizer);

    public static Grammar Compile(GrammarDefinition definition)
    {
        var (network, fault) = GrammarCompiler.Compile(definition, TestContext.Current.CancellationToken);
        Assert.True(network is not null, fault?.Message);
        return new(network, Vocabulary);
    }

    public static Grammar Schema(string schema) => Compile(new(GrammarKind.JsonSchema, schema));

    public static Grammar Regex(string expression) => Compile(new(GrammarKind.Regex, expression));

    public static Grammar Gbnf(string grammar) => Compile(new(GrammarKind.Gbnf, grammar));

    public static GrammarFault Fault(GrammarDefinition definition)
    {
        var (network, fault) = GrammarCompiler.Compile(definition, TestContext.Current.CancellationToken);
        Assert.Null(network);
        return fault!;
    }

    public static GrammarFault SchemaFault(string schema) => Fault(new(GrammarKind.JsonSchema, schema));

    /// <summary>Whether the whole text belongs to the grammar.</summary>
    public static bool Takes(this Grammar grammar, string text) => Grammar.Step(grammar.Start, Encoding.UTF8.GetBytes(text)).Accepts;

    /// <summary>Whether the text can go on to one that belongs to the grammar.</summary>
    public static bool Begins(this Grammar grammar, string text) => !Grammar.Step(grammar.Start, Encoding.UTF8.GetBytes(text)).IsDead;

    /// <summary>
    /// Generates as a model with random weights would: any allowed token, each as likely as another. The text, or null when it did not end
    /// within <paramref name="most"/> tokens.
    /// </summary>
    public static string? Generate(this Grammar grammar, Random random, int most = 200)
    {
        var matcher = new GrammarMatcher(grammar);
        var bytes = new List<byte>();
        for (var i = 0; i < most; i++)
        {
            if (matcher.IsComplete || (matcher.MayEnd && random.Next(2) == 0)) return Encoding.UTF8.GetString([.. bytes]);
            var token = Choose(matcher, random);
            Assert.True(token >= 0, $"No token may follow '{Encoding.UTF8.GetString([.. bytes])}'.");
            Assert.True(matcher.TryAccept(token));
            bytes.AddRange(Tokenizer.Piece(token).Span);
        }

        return null;
    }

    private static int Choose(GrammarMatcher matcher, Random random)
    {
        for (var i = 0; i < 30; i++)
        {
            var token = random.Next(Tokenizer.VocabularySize);
            if (matcher.Allows(token) && !Tokenizer.Piece(token).IsEmpty) return token;
        }

        var mask = matcher.Mask();
        if (mask.Count == 0) return -1;
        while (true)
        {
            var token = mask.List is { } list ? list[random.Next(list.Length)] : random.Next(Tokenizer.VocabularySize);
            if (mask.Contains(token)) return token;
        }
    }
}
