using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Speculation;

/// <summary>What the draft model has computed of a sequence goes with it to another id.</summary>
public sealed class DraftMoveTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 4, ContextLength = 1024 };

    [Fact]
    public void Compact_SequenceGetsAnotherId_DraftModelComputesNothingOfItAgain()
    {
        using var draft = new RecordedRuntime(Shape);
        using var runtime = new FakeModelRuntime(Shape);
        using var harness = new EngineHarness(
            runtime, new() { PrefixReuse = false, Speculation = SpeculationMode.Draft }, new StepClock(TimeSpan.FromMilliseconds(1)), draft);
        var prompt = new string('p', 300);
        var (stays, leaves, moves) = (harness.Submit($"a{prompt}", 400), harness.Submit($"b{prompt}", 150), harness.Submit($"c{prompt}", 400));
        for (var steps = 0; leaves.State != SequenceState.Finished; steps++)
        {
            Assert.True(steps < 1000, "The engine makes no progress.");
            harness.Step();
        }

        Assert.Equal((0, 2), (stays.Id, moves.Id));
        Assert.Contains(draft.Rows, row => row.Sequence == 2 && row.Position > moves.PromptLength);

        draft.Rows.Clear();
        harness.RunToEnd();
        Assert.Contains(draft.Rows, row => row.Sequence == 1);
        Assert.DoesNotContain(draft.Rows, row => row.Position < moves.PromptLength);
        foreach (var sequence in new[] { stays, leaves, moves })
            Assert.Equal(EngineHarness.RunAlone(sequence.Request, Shape).Tokens, sequence.Tokens[sequence.PromptLength..].ToArray());
    }

    private sealed class RecordedRuntime(FakeRuntimeOptions options) : DelegatingRuntime(new FakeModelRuntime(options))
    {
        public List<(int Sequence, int Position)> Rows { get; } = [];

        public override ForwardStatus Forward(ForwardBatch batch)
        {
            for (var i = 0; i < batch.Count; i++) Rows.Add((batch.Sequences[i], batch.Positions[i]));
            return base.Forward(batch);
        }
    }
}
