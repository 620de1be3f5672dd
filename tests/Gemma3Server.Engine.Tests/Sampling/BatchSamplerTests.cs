using System.Runtime.CompilerServices;
using Gemma3Server.Engine.Execution;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Sampling;

[Collection(AloneCollection.Name)]
public sealed class BatchSamplerTests
{
    private const int Rows = 12;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(64)]
    public void Sample_OnSeveralCores_SameTokensAsOnOne(int cores)
    {
        using var harness = new EngineHarness(new FakeRuntimeOptions { MaxSequences = Rows });
        var (plan, runner) = Prepare(harness, i => new() { Seed = (ulong)i });
        var one = Tokens(new BatchSampler(Rows, int.MaxValue), plan, runner);
        var sampler = new BatchSampler(Rows, 0, cores);
        for (var i = 0; i < 500; i++) Assert.Equal(one, Tokens(sampler, plan, runner));
        Assert.True(one.Distinct().Count() > 3);
    }

    [Fact]
    public void Sample_OnSeveralCores_AllocatesNothing()
    {
        using var harness = new EngineHarness(new FakeRuntimeOptions { MaxSequences = Rows });
        var (plan, runner) = Prepare(harness, _ => new() { Seed = 1 });
        var sampler = new BatchSampler(Rows, 0, cores: 4);
        IThreadPoolWorkItem worker = new SamplerWorker(sampler);
        for (var i = 0; i < 1000; i++)
        {
            sampler.Sample(plan, runner);
            worker.Execute();
        }

        // Counted by thread: in the whole process's counter the pool and the tools (coverage above all) allocate as they like. The loop
        // wakes workers and samples; the worker's part runs here too, because a pool thread has no counter that others can read.
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            sampler.Sample(plan, runner);
            worker.Execute();
        }

        // The pool may grow its queue (a new segment of some kilobytes); a delegate, a task or a closure per step would be 24 bytes at least.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 1000.0, 0, 16);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Sample_OneRowThrows_TheLoopGetsTheExceptionAndCanGoOn(int cores)
    {
        using var harness = new EngineHarness(new FakeRuntimeOptions { MaxSequences = Rows });
        var (plan, runner) = Prepare(harness, i => new() { Seed = 1, LogitBias = i == 3 ? new Dictionary<int, float> { [300] = 1 } : null });
        var sampler = new BatchSampler(Rows, 0, cores);
        Assert.Equal(Rows, Tokens(sampler, plan, runner).Length);

        // Nothing that a request can ask for makes a sampler throw, so it is broken from inside.
        ref var bias = ref Bias(Adjustments(plan.Entries[3].Sequence.Sampler)!);
        var whole = bias;
        bias = null!;
        for (var i = 0; i < 20; i++) Assert.Throws<NullReferenceException>(() => sampler.Sample(plan, runner));
        Bias(Adjustments(plan.Entries[3].Sequence.Sampler)!) = whole;
        Assert.Equal(Rows, Tokens(sampler, plan, runner).Length);
    }

    private static int[] Tokens(BatchSampler sampler, StepPlan plan, ModelRunner runner)
    {
        sampler.Sample(plan, runner);
        return [.. Enumerable.Range(0, plan.Entries.Length).Select(e => Assert.Single(sampler.Tokens(e).ToArray()))];
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_adjustments")]
    private static extern ref LogitAdjustments? Adjustments(Sampler sampler);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_bias")]
    private static extern ref KeyValuePair<int, float>[] Bias(LogitAdjustments adjustments);

    private static (StepPlan Plan, ModelRunner Runner) Prepare(EngineHarness harness, Func<int, SamplingParameters> sampling)
    {
        for (var i = 0; i < Rows; i++) harness.Submit($"p{i}", 10, r => r with { Sampling = sampling(i) });
        var plan = harness.Scheduler.Schedule();
        var runner = new ModelRunner(harness.Runtime);
        Assert.Equal(ForwardStatus.Ok, runner.Run(plan));
        return (plan, runner);
    }
}
