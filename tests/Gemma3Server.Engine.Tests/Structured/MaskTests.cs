using System.Text;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Tests.Structured;

public sealed class MaskTests
{
    private static readonly GrammarDefinition[] Definitions =
    [
        new(GrammarKind.JsonObject),
        new(GrammarKind.JsonSchema, """{"type":"object","properties":{"name":{"type":"string"},"id":{"type":"integer"},"e":{"enum":["a","ab","the"]}}}"""),
        new(GrammarKind.JsonSchema, """{"type":"array","items":{"type":"string","minLength":3,"maxLength":100},"minItems":2}"""),
        new(GrammarKind.JsonSchema, """{"type":"string","maxLength":9}"""),
        new(GrammarKind.JsonSchema, """{"type":"string","pattern":"^[^x]*$"}"""),
        new(GrammarKind.JsonSchema, """{"type":"object","additionalProperties":{"type":"string","minLength":200}}"""),
        new(GrammarKind.Regex, "[\\s\\S]{0,150}the[\\s\\S]*"),
        new(GrammarKind.Regex, ".{40,70}"),
        new(GrammarKind.Regex, ".{60,62}"),
        new(GrammarKind.Regex, "[a-z]{200}"),
        new(GrammarKind.Gbnf, "root ::= [^\\x00-\\x1F]* \"\\n\" root | \"end\""),
        new(GrammarKind.Regex, "[a-zA-Z ]{1,9}"),
        new(GrammarKind.Regex, "([^x\"]{2,7}x){3,9}"),
        new(GrammarKind.Regex, "[^x]{1,400}"),
        new(GrammarKind.Regex, "[^xé日]*"),
        new(GrammarKind.Regex, "([^n]*n[a-e]){4}"),
        new(GrammarKind.Regex, "(\"[^\"]{3,40}\" ?)+"),
        new(GrammarKind.Regex, "[^a-e ]{5,60}日?"),
        new(GrammarKind.Regex, "([^à-ÿ]{1,50}é|[ä-ü]{2})+"),
        new(GrammarKind.Gbnf, "root ::= ([^0-9\\n] | \"1\" [x-z])* \"\\n\""),
        new(GrammarKind.JsonSchema, """{"type":"string","pattern":"^[^an-z]{3,40}$"}"""),
        new(GrammarKind.Regex, "([a-z]{1,6} ){4,5}"),
        new(GrammarKind.Regex, "[a-zà-ÿ]{3,40}日"),
        new(GrammarKind.Regex, "(日本|[é-ü ]{2,5}|\\S{1,4})+"),
        new(GrammarKind.Gbnf, "root ::= ([a-e] | [日本] | \"é\"){4,20} [0-9]{2,3}"),
        new(GrammarKind.Choice, """["name","namethe","日本","日"]"""),
        new(GrammarKind.JsonSchema, """{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}""") { Trigger = "{\"", Suffix = "}", Repeats = true },
    ];

    [Fact]
    public void Mask_RandomStates_IsWhatEachTokenTestsAs()
    {
        var random = new Random(7);
        foreach (var definition in Definitions)
        {
            var matcher = new GrammarMatcher(Grammars.Compile(definition));
            for (var step = 0; step < 120 && !matcher.IsComplete; step++)
            {
                var mask = matcher.Mask();
                var count = 0;
                for (var token = 0; token < Grammars.Tokenizer.VocabularySize; token++)
                {
                    var isText = !Grammars.Tokenizer.Piece(token).IsEmpty;
                    Assert.True(mask.Contains(token) == (isText && matcher.Allows(token)), $"{definition}: token {token} at step {step}");
                    if (mask.Contains(token)) count++;
                }

                Assert.Equal(count, mask.Count);
                if (count == 0) break;
                int chosen;
                do chosen = mask.List is { } list ? list[random.Next(list.Length)] : random.Next(Grammars.Tokenizer.VocabularySize);
                while (!mask.Contains(chosen));
                Assert.True(matcher.TryAccept(chosen));
            }
        }
    }

    [Fact]
    public void Mask_LongBoundedString_IsSharedFarFromItsBounds()
    {
        var matcher = new GrammarMatcher(Grammars.Schema("""{"type":"string","maxLength":1000}"""));
        foreach (var token in Grammars.Tokenizer.Tokenize("\"name")) Assert.True(matcher.TryAccept(token));
        var mask = matcher.Mask();
        foreach (var token in Grammars.Tokenizer.Tokenize("the name is x")) Assert.True(matcher.TryAccept(token));
        Assert.Same(mask, matcher.KnownMask);
    }

    [Theory]
    [InlineData("[a-z ]{40,1000}", true)]
    [InlineData("[a-z ]{40,1000}!", false)]
    [InlineData("([a-z ]{40,1000}!)+", false)]
    public void Mask_LowerBound_IsSharedWhereOnlyTheEndFollows(string expression, bool shared)
    {
        var matcher = new GrammarMatcher(Grammars.Regex(expression));
        foreach (var token in Grammars.Tokenizer.Tokenize("the name is the name")) Assert.True(matcher.TryAccept(token));
        var mask = matcher.Mask();
        foreach (var token in Grammars.Tokenizer.Tokenize("the name is the nam")) Assert.True(matcher.TryAccept(token));
        Assert.Equal(shared, mask == matcher.KnownMask);
        Assert.False(matcher.MayEnd);
        Assert.True(matcher.TryAccept(Grammars.Tokenizer.Tokenize("e")[0]));
        Assert.Equal(shared, matcher.MayEnd);
    }

    [Fact]
    public void State_SetBack_TakesTokensBack()
    {
        var matcher = new GrammarMatcher(Grammars.Schema("""{"type":"array","items":{"type":"integer"}}"""));
        Assert.True(matcher.TryAccept(Grammars.Tokenizer.Tokenize("[")[0]));
        var before = matcher.State;
        Assert.True(matcher.TryAccept(Grammars.Tokenizer.Tokenize("1")[0]));
        Assert.True(matcher.TryAccept(Grammars.Tokenizer.Tokenize("]")[0]));
        Assert.True(matcher.IsComplete);
        matcher.State = before;
        Assert.False(matcher.MayEnd);
        Assert.True(matcher.TryAccept(Grammars.Tokenizer.Tokenize("12")[0]));
    }

    [Fact]
    public void States_BeyondTheirMemory_AreForgottenAndMadeAgain()
    {
        var (network, _) = GrammarCompiler.Compile(new(GrammarKind.JsonObject), CancellationToken.None);
        var small = new Grammar(network!, Grammars.Vocabulary, mostStateBytes: 20_000);
        var large = Grammars.Compile(new(GrammarKind.JsonObject));
        var random = new Random(11);
        for (var round = 0; round < 20; round++)
        {
            var (one, other) = (new GrammarMatcher(small), new GrammarMatcher(large));
            for (var step = 0; step < 60 && !one.IsComplete; step++)
            {
                var mask = one.Mask();
                Assert.Equal(mask.Count, other.Mask().Count);
                int token;
                do token = mask.List is { } list ? list[random.Next(list.Length)] : random.Next(Grammars.Tokenizer.VocabularySize);
                while (!mask.Contains(token));
                Assert.True(one.TryAccept(token) && other.TryAccept(token));
                Assert.Equal(other.MayEnd, one.MayEnd);
            }
        }

        Assert.True(small.Bytes < 2_000_000, $"{small.Bytes} bytes");
    }

    [Fact]
    public void Mask_TooMuchWork_IsGivenUp()
    {
        // Every text leads to a state of its own: which of the last 30 characters were an 'a'.
        const string Slow = "[\\s\\S]*a[\\s\\S]{30}";
        var state = Grammars.Regex(Slow).Start;
        Assert.Equal(0, new MaskBuilder(Grammars.Vocabulary, mostWork: 500).Build(state).Count);
        Assert.InRange(state.States.Work, 500, 2000);
        Assert.NotEqual(0, new MaskBuilder(Grammars.Vocabulary).Build(Grammars.Regex(Slow).Start).Count);
    }

    [Fact]
    public void Forced_KeyName_IsTheCanonicalTokensOfTheOnlyWayOn()
    {
        var matcher = new GrammarMatcher(Grammars.Schema(
            """{"type":"object","properties":{"temperature":{"type":"integer"}},"required":["temperature"],"additionalProperties":false}"""));
        Accept(matcher, "{");
        Accept(matcher, "\"");
        var text = new StringBuilder();
        foreach (var token in matcher.Forced)
        {
            Assert.True(matcher.TryAccept(token));
            text.Append(Encoding.UTF8.GetString(Grammars.Tokenizer.Piece(token).Span));
        }

        // The quotation mark and the colon may be one token with what follows, so they are the model's; and so is the last letter, which
        // the tokenizer makes one token with them.
        Assert.Equal("temperatur", text.ToString());
        Assert.True(matcher.Forced.IsEmpty);
    }

    [Fact]
    public void Forced_AskedBehindSomeOfThem_IsTheRest()
    {
        var matcher = new GrammarMatcher(Grammars.Regex("[01](the name is|ing)?2{9}"));
        Accept(matcher, "1");
        Assert.True(matcher.Forced.IsEmpty);
        Accept(matcher, "the");
        var run = matcher.Forced.ToArray();
        Assert.True(run.Length > 3);
        Assert.True(matcher.TryAccept(run[0]));
        Assert.Equal(run[1..], matcher.Forced.ToArray());
        Assert.True(matcher.TryAccept(run[1]));
        Assert.Equal(run[2..], matcher.Forced.ToArray());

        // Whoever takes another token for the same text has left the run.
        var first = Grammars.Tokenizer.Piece(run[2]).Span[0];
        Assert.True(matcher.TryAccept(Enumerable.Range(0, Grammars.Tokenizer.VocabularySize).First(t => Grammars.Tokenizer.Piece(t).Span.SequenceEqual([first]))));
        Assert.Equal(matcher.Grammar.Forced(matcher.State), matcher.Forced.ToArray());
    }

    [Fact]
    public void Forced_AnyWay_LeavesTheTextsAsTheyAre()
    {
        // A schema of fixed values has one text up to white space; whatever is forced is part of every generated text.
        var grammar = Grammars.Schema("""{"type":"object","properties":{"first":{"const":"日本the"},"second":{"const":[1,"é"]}},"required":["first","second"],"additionalProperties":false}""");
        var random = new Random(5);
        for (var i = 0; i < 50; i++)
        {
            var matcher = new GrammarMatcher(grammar);
            var bytes = new List<byte>();
            while (!matcher.IsComplete)
            {
                foreach (var forced in matcher.Forced)
                {
                    Assert.True(matcher.TryAccept(forced));
                    bytes.AddRange(Grammars.Tokenizer.Piece(forced).Span);
                }

                if (matcher.IsComplete) break;
                var list = matcher.Mask().List!;
                var token = list[random.Next(list.Length)];
                Assert.True(matcher.TryAccept(token));
                bytes.AddRange(Grammars.Tokenizer.Piece(token).Span);
            }

            var text = Encoding.UTF8.GetString([.. bytes]);
            using var document = System.Text.Json.JsonDocument.Parse(text);
            Assert.Equal("日本the", document.RootElement.GetProperty("first").GetString());
            Assert.True(grammar.Takes(text));
        }
    }

    [Fact]
    public void Trigger_InFreeText_WakesTheConstraintAndSleepsAgain()
    {
        var definition = new GrammarDefinition(GrammarKind.Choice, """["x","yy"]""") { Trigger = "<<", Suffix = ">>", Repeats = true };
        var grammar = Grammars.Compile(definition);
        Assert.True(grammar.Takes(""));
        Assert.True(grammar.Takes("any < text\n\0 <<x>> and <<yy>>"));
        Assert.True(grammar.Takes("a<<yy>>"));
        Assert.False(grammar.Begins("a<<z"));
        Assert.False(grammar.Takes("a<<x"));
        Assert.False(grammar.Begins("a<<<")); // the third is behind the trigger
        var once = Grammars.Compile(definition with { Repeats = false });
        Assert.True(once.Takes("a <<x>>"));
        Assert.False(once.Begins("a <<x>> "));
        var rounds = Grammars.Compile(definition with { Trigger = null, Prefix = "(", Suffix = ")" });
        Assert.True(rounds.Takes("(x)(yy)"));
        Assert.False(rounds.Takes(""));
    }

    private static void Accept(GrammarMatcher matcher, string text)
    {
        foreach (var token in Grammars.Tokenizer.Tokenize(text)) Assert.True(matcher.TryAccept(token));
    }
}
