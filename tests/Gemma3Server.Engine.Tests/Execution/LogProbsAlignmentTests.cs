using System.Text;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Execution;

/// <summary>Which tokens' log-probabilities go out with which text.</summary>
public sealed class LogProbsAlignmentTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MicroBatchTokens = 16, MaxBatchTokens = 64 };

    [Fact]
    public void Step_LogProbs_AreOfTheModelsOwnDistribution()
    {
        var request = Requests.Greedy("prompt", 20) with
        {
            TopLogProbs = 3,
            Sampling = new() { Seed = 7, Temperature = 1.7f, TopK = 5, FrequencyPenalty = 1, LogitBias = new Dictionary<int, float> { [300] = 50 } },
        };
        var (tokens, events) = EngineHarness.RunAlone(request, Shape);
        var logProbs = LogProbs(events);
        Assert.Equal(tokens, logProbs.Select(l => l.Token));
        Assert.Contains(300, tokens); // by its bias, which the figures below do not know
        for (var i = 0; i < tokens.Length; i++)
        {
            var logits = Logits([.. request.PromptTokens, .. tokens[..i]]);
            var top = new TokenLogProb[3];
            Assert.Equal(Engine.Sampling.LogProbs.Compute(logits, tokens[i], top, new()), logProbs[i].LogProb);
            Assert.Equal(top, logProbs[i].Top);
            Assert.Equal(logits.IndexOf(logits.Max()), logProbs[i].Top[0].Token);
        }
    }

    [Fact]
    public void Step_NotAskedFor_NoLogProbs() => Assert.Empty(LogProbs(Answer("hi", r => r)));

    [Fact]
    public void Step_NoTopAskedFor_OnlyTheTokensThemselves() =>
        Assert.All(LogProbs(Answer("hi", r => r with { TopLogProbs = 0, IgnoreEndOfGeneration = false })), l => Assert.Empty(l.Top));

    [Fact]
    public void Step_EndOfTurn_IsNotReported() =>
        Assert.Equal("hi", Pieces(Answer("hi", r => r with { TopLogProbs = 0, IgnoreEndOfGeneration = false })));

    [Fact]
    public void Step_EndOfTurnIgnored_IsReportedAlthoughItHasNoText()
    {
        var events = Answer("hi", r => r with { TopLogProbs = 0, MaxTokens = 4 });
        Assert.Equal("hi", events.Text());
        Assert.Equal([FakeTokenizer.EndOfTurn, FakeTokenizer.EndOfTurn], LogProbs(events).Skip(2).Select(l => l.Token));
        Assert.Equal(["h", "i", ""], events.OfType<GenerationEvent.Text>().Select(t => t.Value));
    }

    [Fact]
    public void Step_TextHeldBack_ComesWithItsTokens()
    {
        var events = Answer("abENd", r => r with { TopLogProbs = 0, Stop = ["END"], IgnoreEndOfGeneration = false });
        Assert.Equal(["a", "b", "ENd"], events.OfType<GenerationEvent.Text>().Select(t => t.Value));
        Assert.Equal([1, 1, 3], events.OfType<GenerationEvent.Text>().Select(t => t.LogProbs.Count));
    }

    [Fact]
    public void Step_StopString_ItsTokensAreNotReported()
    {
        var events = Answer("abEND", r => r with { TopLogProbs = 0, Stop = ["END"] });
        Assert.Equal(["a", "b"], events.OfType<GenerationEvent.Text>().Select(t => t.Value));
        Assert.Equal("ab", Pieces(events));
        Assert.Equal(5, events.Finish().CompletionTokens);
    }

    [Fact]
    public void Step_CharacterOverSeveralTokens_ItsTokensComeTogether()
    {
        var events = Answer("é😀x", r => r with { TopLogProbs = 0, MaxTokens = 7 });
        Assert.Equal([2, 4, 1], events.OfType<GenerationEvent.Text>().Select(t => t.LogProbs.Count));
    }

    [Fact]
    public void Step_EndsInsideACharacter_ItsTokensAreReported()
    {
        var events = Answer("é😀x", r => r with { TopLogProbs = 0, MaxTokens = 4 });
        Assert.Equal("é\uFFFD", events.Text());
        Assert.Equal(4, LogProbs(events).Count);
    }

    [Fact]
    public void Step_RandomTextsAndStopStrings_TokensAlwaysCoverTheTextAndNoMore()
    {
        var random = new Random(20261126);
        for (var round = 0; round < 300; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => Any(random)));
            string[] stop = random.Next(3) == 0 ? [] : [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Any(random))];
            var events = Answer(text, r => r with
            {
                TopLogProbs = 0,
                Stop = stop,
                MaxTokens = random.Next(1, 20),
                MinTokens = random.Next(2) * random.Next(5),
                IgnoreEndOfGeneration = random.Next(2) == 0,
            });
            var (bytes, shown) = (new List<byte>(), "");
            foreach (var part in events.OfType<GenerationEvent.Text>())
            {
                shown += part.Value;
                var before = bytes.Count;
                foreach (var token in part.LogProbs) bytes.AddRange(Piece(token.Token));

                // One byte is one token here, so the tokens so far are the text so far, but for a character that was cut at the end.
                var whole = Encoding.UTF8.GetString([.. bytes]);
                Assert.True(whole == shown, $"round {round}: '{text}' until {string.Join(' ', stop)}: '{whole}' beside '{shown}'");
                Assert.True(part.Value.Length > 0 || bytes.Count == before);
            }
        }

        static string Any(Random random) => string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => new[] { "a", "b", "é", "😀" }[random.Next(4)]));
    }

    private static List<TokenLogProbs> LogProbs(List<GenerationEvent> events) =>
        [.. events.OfType<GenerationEvent.Text>().SelectMany(t => t.LogProbs)];

    private static string Pieces(List<GenerationEvent> events) =>
        Encoding.UTF8.GetString([.. LogProbs(events).SelectMany(l => Piece(l.Token))]);

    private static byte[] Piece(int token) => new FakeTokenizer().Piece(token).ToArray();

    private static float[] Logits(int[] tokens)
    {
        using var runtime = new FakeModelRuntime(Shape);
        var batch = new ForwardBatch();
        for (var i = 0; i < tokens.Length; i++) batch.Add(tokens[i], i, 0, i == tokens.Length - 1);
        Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
        return runtime.Logits(tokens.Length - 1).ToArray();
    }

    private static List<GenerationEvent> Answer(string text, Func<GenerationRequest, GenerationRequest> change)
    {
        using var harness = new EngineHarness(Shape with { Next = Requests.Answer(3, text) });
        var sequence = harness.Submit("pp", 100, change);
        harness.RunToEnd();
        return sequence.Events();
    }
}
