using System.Text;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Structured;

/// <summary>Constrained sequences in the engine.</summary>
public sealed class ConstrainedSequenceTests
{
    private static readonly GrammarDefinition Person = new(GrammarKind.JsonSchema,
        """{"type":"object","properties":{"first name":{"type":"string","maxLength":9},"kind":{"enum":["person of note","person"]}},"required":["first name","kind"]}""");

    [Fact]
    public void Run_Grammar_EndsByItselfWhereNothingElseMayFollow()
    {
        using var harness = new EngineHarness();
        var sequence = harness.Submit("Hi", 300, r => r with { Grammar = Person, Sampling = new() { Seed = 4 } });
        harness.RunToEnd();
        var events = sequence.Events();
        Assert.Equal(FinishReason.Stop, events.Finish().Reason);
        using var document = System.Text.Json.JsonDocument.Parse(events.Text());
        Assert.StartsWith("person", document.RootElement.GetProperty("kind").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_ForcedText_TakesFewStepsAndCountsItsTokens()
    {
        using var harness = new EngineHarness();
        var sequence = harness.Submit("Hi", 300, r => r with { Grammar = new(GrammarKind.Choice, """["one text of thirty-one letters"]""") });
        harness.RunToEnd();
        var events = sequence.Events();
        Assert.Equal("one text of thirty-one letters", events.Text());
        Assert.Equal(30, events.Finish().CompletionTokens);
        Assert.True(harness.Runtime.Forwards <= 2, $"{harness.Runtime.Forwards} steps");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(17)]
    public void Run_Resumed_GoesOnAsIfNothingHadHappened(int emitted)
    {
        var request = Requests.Greedy("Hi", 300) with { Grammar = Person, Sampling = new() { Seed = 9 } };
        var (tokens, events) = EngineHarness.RunAlone(request, new());
        Assert.True(tokens.Length > 20);
        var (resumed, rest) = EngineHarness.RunAlone(request with { EmittedTokens = tokens[..emitted] }, new());
        Assert.Equal(tokens, resumed);
        Assert.Equal(events.Text(), Encoding.UTF8.GetString([.. tokens[..emitted].Select(t => (byte)(t - FakeTokenizer.FirstByte))]) + rest.Text());
    }

    [Fact]
    public void Create_EmittedTokensEndWithinForcedOnes_TheRestFollowsAsItWould()
    {
        var grammar = Grammars.Regex("[01]the name is 2024 or (1|name)");
        var matcher = new GrammarMatcher(grammar);
        var first = Grammars.Tokenizer.Tokenize("1")[0];
        Assert.True(matcher.TryAccept(first));
        var run = matcher.Forced.ToArray();
        Assert.True(run.Length > 4);
        for (var emitted = 0; emitted <= run.Length; emitted++)
        {
            var request = Requests.Greedy("", 60) with { EmittedTokens = [first, .. run[..emitted]] };
            var sequence = new Sequence(request, Grammars.Tokenizer, 100, grammar: grammar);
            Assert.Equal([first, .. run], sequence.Tokens[sequence.PromptLength..].ToArray());
            Assert.Null(sequence.ReplayEnd);

            // What had been emitted is not told again, what follows is.
            sequence.Output.Start(1, 0, sequence.CacheExplanation);
            sequence.Output.Finish(FinishReason.Length, sequence.Generated);
            var rest = Encoding.UTF8.GetString([.. run[emitted..].SelectMany(token => Grammars.Tokenizer.Piece(token).ToArray())]);
            Assert.Equal(rest, sequence.Events().Text());
        }

        var cut = new Sequence(Requests.Greedy("", 3) with { EmittedTokens = [first] }, Grammars.Tokenizer, 100, grammar: grammar);
        Assert.Equal((FinishReason.Length, 3), (cut.ReplayEnd, cut.Generated));
    }

    [Theory]
    [InlineData(0f, true)]
    [InlineData(1f, true)]
    [InlineData(0f, false)]
    [InlineData(1f, false)]
    public void Run_Drafts_SameTokensAsWithout(float temperature, bool predicted)
    {
        // Either the client knows the answer but for a mistake, or the answer repeats itself.
        var grammar = predicted ? Person : new(GrammarKind.Regex, "((ab|cd|xyz)-){30,}");
        var shape = new FakeRuntimeOptions { MaxSequences = 4, Next = tokens => tokens.Count > 20 && tokens.Count % 29 != 0 ? tokens[^9] : null };
        GenerationRequest[] requests = [.. Enumerable.Range(0, 3).Select(seed => Requests.Greedy($"Hi {seed}", 150) with
        {
            Grammar = grammar,
            Sampling = new() { Temperature = temperature, Seed = (ulong)seed },
        })];
        var alone = requests.Select(request => EngineHarness.RunAlone(request, shape)).ToArray();
        using var harness = new EngineHarness(shape, new() { Speculation = SpeculationMode.Lookup }, new StepClock(TimeSpan.FromMilliseconds(1)));
        var sequences = requests.Zip(alone).Select(pair => harness.Submit(pair.First with
        {
            PredictedTokens = predicted ? [.. pair.Second.Tokens[..20], FakeTokenizer.FirstByte, .. pair.Second.Tokens[20..]] : [],
        })).ToArray();
        harness.RunToEnd();
        Assert.Equal(alone.Select(run => run.Tokens), sequences.Select(sequence => sequence.Tokens[sequence.PromptLength..].ToArray()));
        Assert.Equal(alone.Select(run => run.Events.Text()), sequences.Select(sequence => sequence.Events().Text()));
        Assert.True(harness.Metrics.Snapshot(0, 0).AcceptedDraftTokens > 10, $"{harness.Metrics.Snapshot(0, 0)}");
    }

    [Fact]
    public void Run_EndOfTurnEverywhereLikely_ComesWhereTheGrammarAcceptsOnly()
    {
        using var harness = new EngineHarness(new FakeRuntimeOptions { Next = _ => FakeTokenizer.EndOfTurn });
        var sequence = harness.Submit("Hi", 300, r => r with { Grammar = new(GrammarKind.Regex, "ab(cd)*"), IgnoreEndOfGeneration = false });
        harness.RunToEnd();
        Assert.Equal("ab", sequence.Events().Text());
    }

    [Theory]
    [InlineData(0, 1f, 0.95f)]
    [InlineData(0, 1f, 1f)]
    [InlineData(64, 1f, 0.95f)]
    [InlineData(5, 0.7f, 0.9f)]
    [InlineData(64, 0f, 1f)]
    [InlineData(3000, 1f, 1f)]
    public void Sample_Constrained_IsSampledFromTheMaskedRow(int topK, float temperature, float topP)
    {
        var random = new Random(topK + 1);
        var scratch = new SamplerScratch();
        GrammarDefinition[] definitions =
        [
            new(GrammarKind.JsonObject),
            Person,
            new(GrammarKind.Regex, "[a-e0-9]{1,300}"),
            new(GrammarKind.Gbnf, "root ::= [^\\x00-\\x1f]*"),
        ];
        foreach (var definition in definitions)
        {
            var matcher = new GrammarMatcher(Grammars.Compile(definition));
            var parameters = new SamplingParameters
            {
                TopK = topK,
                Temperature = temperature,
                TopP = topP,
                Seed = 1,
                FrequencyPenalty = 0.5f,
                LogitBias = new Dictionary<int, float> { [300] = 4, [301] = -50 },
            };
            var constrained = new Sampler(parameters, []) { Matcher = matcher };
            var free = new Sampler(parameters, []);
            for (var step = 0; step < 60 && !matcher.IsComplete; step++)
            {
                var logits = Enumerable.Range(0, Grammars.Tokenizer.VocabularySize).Select(_ => (float)(random.NextDouble() * 12)).ToArray();
                if (step % 3 == 0) matcher.Mask(); // found beforehand or not: the same
                var token = constrained.Sample(logits, scratch);
                var masked = logits.Select((logit, t) => matcher.Allows(t) ? logit : float.NegativeInfinity).ToArray();
                Assert.Equal(free.Sample(masked, scratch), token);
                Assert.True(matcher.Allows(token));
                constrained.Accept(token);
                free.Accept(token);
                if (Grammars.Tokenizer.Piece(token).IsEmpty) break;
            }
        }
    }
}
