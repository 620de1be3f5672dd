using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Gemma3Server.Runtime.LlamaCpp.Planning;
using Gemma3Server.Testing;

namespace Gemma3Server.Runtime.ConformanceTests.Planning;

/// <summary>The planner against the native library, for all published shapes.</summary>
public sealed class PlannerAccuracyTests
{
    /// <summary>Context, sequences, micro-batch, guesses of a sequence, flash attention (null = auto), shared cells, type of the caches.</summary>
    private static readonly (int Context, int Sequences, int MicroBatch, int Drafts, bool? Flash, bool Shared, string Kv)[] Cases =
    [
        (8192, 4, 512, 16, null, false, "f16"), (8192, 1, 512, 0, null, false, "f16"), (32_768, 4, 512, 0, null, false, "f16"),
        (32_768, 16, 512, 4, null, false, "f16"), (2048, 1, 512, 0, null, false, "f16"), (512, 1, 512, 0, null, false, "f16"),
        (8192, 4, 256, 0, null, false, "f16"), (8192, 4, 1024, 0, null, false, "f16"), (8192, 4, 64, 0, null, false, "f16"),
        (8192, 4, 512, 0, false, false, "f16"), (8192, 1, 512, 16, false, false, "f16"), (8192, 4, 512, 0, true, true, "f16"),
        (16_384, 2, 512, 0, false, true, "f16"), (8192, 4, 512, 0, null, false, "q8_0"), (8192, 4, 512, 0, null, false, "f32"),
    ];

    [Theory]
    [InlineData("270m")]
    [InlineData("1b")]
    [InlineData("4b")]
    [InlineData("12b")]
    [InlineData("27b")]
    public void Plan_PublishedShape_IsWithinThreePercentOfTheNativeAllocation(string name)
    {
        Assert.SkipUnless(TestLibrary.Directory is null, "With a GPU in the library it reserves other buffers; see Plan_OnAGpu.");
        Assert.True(GemmaShape.TryGet(name, out var shape));
        using var checkpoint = HollowCheckpoint.Write(shape);
        using var native = new NativeMeasurement(checkpoint.Path);
        var model = ModelFootprint.Read(checkpoint.Path);
        Assert.Equal(ModelFootprint.Of(shape), model);
        Assert.Equal(native.WeightBytes, model.WeightBytes);
        foreach (var (context, sequences, microBatch, drafts, flash, shared, kv) in Cases)
        {
            var options = new LlamaCppOptions
            {
                ModelPath = "",
                ContextLength = context,
                Parallel = sequences,
                MicroBatchTokens = microBatch,
                DraftRows = drafts,
                MostDraftRows = 64,
                FlashAttention = flash,
                SharedCells = shared,
                KeyCacheType = kv,
                ValueCacheType = kv,
                Threads = 1,
            };
            var what = $"{name}: {context} x {sequences}, micro-batch {microBatch}, drafts {drafts}, flash {flash}, shared {shared}, {kv}";
            var plan = ContextPlan.Create(model, options);
            var parts = MemoryNeed.Of(model, plan, 0, 0).Host;
            var (globalKv, windowKv, compute) = native.Measure(plan);
            AssertNear(globalKv, parts.GlobalKv, 0.001, what);
            AssertNear(windowKv, parts.WindowKv, 0.001, what);

            // The processor's own scratch is beside the compute buffer, and the library does not report it.
            var buffers = parts.Compute - ComputeBuffers.OfProcessor(model, plan);
            AssertNear(compute, buffers, 0.06, what);
            AssertNear(native.WeightBytes + globalKv + windowKv + compute, parts.AllWeights + parts.Kv + buffers, 0.005, what);
        }
    }

    private static void AssertNear(double real, double planned, double most, string what) =>
        Assert.True(Math.Abs(planned - real) <= most * real, $"{what}: planned {planned / (1 << 20):F2} MiB, and it is {real / (1 << 20):F2} MiB");
}
