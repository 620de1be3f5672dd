using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Execution;

/// <summary>What may end a generation, and from when on.</summary>
public sealed class EndConditionTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MicroBatchTokens = 16, MaxBatchTokens = 64 };

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    public void Step_EndOfTurnBeforeMinTokens_IsNotChosen(float temperature)
    {
        // The model wants to end its turn at once and at every token after.
        var (sequence, events) = Run("", r => r with { MinTokens = 5, IgnoreEndOfGeneration = false, Sampling = new() { Temperature = temperature, Seed = 1 } });
        Assert.Equal(new GenerationEvent.Finished(FinishReason.Stop, 6), events.Finish());
        Assert.DoesNotContain(FakeTokenizer.EndOfTurn, sequence[..^1]);
        Assert.DoesNotContain(FakeTokenizer.Eos, sequence[..^1]);
        Assert.Equal(5, events.Text().Length);
    }

    [Fact]
    public void Step_EndOfTurnIgnored_MinTokensLeavesItAlone()
    {
        var (tokens, _) = Run("", r => r with { MinTokens = 3, MaxTokens = 4 });
        Assert.Equal(Enumerable.Repeat(FakeTokenizer.EndOfTurn, 4), tokens);
    }

    [Theory]
    [InlineData(0, 2, "")]
    [InlineData(2, 2, "")]
    [InlineData(3, 5, "abc")]
    [InlineData(6, 8, "abcabc")]
    public void Step_StopStringBeforeMinTokens_IsText(int minTokens, int tokens, string text)
    {
        var (_, events) = Run("abcabcab", r => r with { MinTokens = minTokens, Stop = [minTokens == 2 ? "b" : "ab"] });
        Assert.Equal(minTokens == 2 ? "a" : text, events.Text());
        Assert.Equal(tokens, events.Finish().CompletionTokens);
        Assert.Equal(FinishReason.Stop, events.Finish().Reason);
    }

    [Fact]
    public void Step_StopToken_EndsAndIsNotShown()
    {
        var (_, events) = Run("some text", r => r with { StopTokens = [FakeTokenizer.FirstByte + 'x', FakeTokenizer.FirstByte + ' '] });
        Assert.Equal("some", events.Text());
        Assert.Equal(new GenerationEvent.Finished(FinishReason.Stop, 5), events.Finish());
    }

    [Fact]
    public void Step_StopTokenBeforeMinTokens_IsNotChosen()
    {
        var (tokens, events) = Run("aaaa", r => r with { StopTokens = [FakeTokenizer.FirstByte + 'a'], MinTokens = 2 });
        Assert.Equal(3, events.Finish().CompletionTokens);
        Assert.DoesNotContain(FakeTokenizer.FirstByte + 'a', tokens[..2]);
        Assert.Equal(FakeTokenizer.FirstByte + 'a', tokens[2]);
    }

    [Fact]
    public void Step_StopTokenWhileEndOfTurnIsIgnored_StillEnds()
    {
        var (_, events) = Run("ab", r => r with { StopTokens = [FakeTokenizer.EndOfTurn] });
        Assert.Equal(new GenerationEvent.Finished(FinishReason.Stop, 3), events.Finish());
    }

    private static (int[] Tokens, List<GenerationEvent> Events) Run(string text, Func<GenerationRequest, GenerationRequest> change)
    {
        using var harness = new EngineHarness(Shape with { Next = Requests.Answer(3, text) });
        var sequence = harness.Submit("pp", 100, change);
        harness.RunToEnd();
        return (sequence.Tokens[sequence.PromptLength..].ToArray(), sequence.Events());
    }
}
