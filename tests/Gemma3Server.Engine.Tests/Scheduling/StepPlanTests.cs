using Gemma3Server.Engine.Execution;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Scheduling;

public sealed class StepPlanTests
{
    [Theory]
    [InlineData(1, true)] // beside a stream that is sampled
    [InlineData(3, false)] // nobody is sampled, so nobody pays for logits
    public void Add_ForcedTokens_YieldLogitsWhereStreamsDo(int pendingOfTheOther, bool yields)
    {
        using var runtime = new FakeModelRuntime();
        var plan = new StepPlan();
        plan.Add(Stream(runtime, 0, 3), 1);
        plan.Add(Stream(runtime, 1, pendingOfTheOther), 1);
        plan.Add(Stream(runtime, 2, 3), 1);

        var runner = new ModelRunner(runtime);
        Assert.Equal(Gemma3Server.Runtime.ForwardStatus.Ok, runner.Run(plan));
        Assert.Equal([yields, yields, yields], Enumerable.Range(0, 3).Select(entry => runner.Logits(entry).Length > 0));
        Assert.Equal(yields ? 3 : 0, plan.LogitsRows);
        Assert.Equal([false, yields, false], plan.Entries.ToArray().Select(entry => entry.WantLogits));
        Assert.Equal(3, plan.DecodeRows);
    }

    [Fact]
    public void Add_PartOfAPromptBesideAStream_YieldsNoLogits()
    {
        using var runtime = new FakeModelRuntime();
        var plan = new StepPlan();
        plan.Add(Stream(runtime, 0, 1), 1);
        plan.Add(new(Requests.Greedy("prompt", 9), runtime.Tokenizer, 2048) { Id = 1 }, 1);
        Assert.Equal((2, 1, 1), (plan.Rows, plan.DecodeRows, plan.LogitsRows));
        plan.AddDrafts(0, 2);
        Assert.Equal(3, plan.LogitsRows);
        plan.DropDrafts();
        Assert.Equal((2, 1, 1), (plan.Rows, plan.DecodeRows, plan.LogitsRows));
    }

    /// <summary>A sequence that has generated so many tokens, all of which are still to be run, behind an empty prompt.</summary>
    private static Sequence Stream(FakeModelRuntime runtime, int id, int pending)
    {
        var sequence = new Sequence(Requests.Greedy("", 9), runtime.Tokenizer, 2048) { Id = id };
        for (var i = 0; i < pending; i++) sequence.Accept(FakeTokenizer.FirstByte + i);
        var batch = new Gemma3Server.Runtime.ForwardBatch();
        batch.Add(FakeTokenizer.Bos, 0, id, wantLogits: false);
        runtime.Forward(batch);
        sequence.Computed = 1;
        return sequence;
    }
}
