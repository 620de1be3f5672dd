using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Gemma3Server.Runtime.LlamaCpp.Planning;
using Gemma3Server.Testing;

namespace Gemma3Server.Runtime.ConformanceTests.Planning;

/// <summary>The planner by itself, against bytes computed by hand.</summary>
public sealed class MemoryPlannerTests
{
    private const long KiB = 1 << 10;
    private const long MiB = 1 << 20;
    private const long GiB = 1 << 30;

    private static readonly LlamaCppOptions Open = new() { ModelPath = "", Parallel = 0, Threads = 1, SharedCells = false };
    private static readonly DeviceMemory Roomy = new(1024 * GiB, 0, 0);

    /// <summary>Global KiB of a context token, local KiB of a cell, and local cells of a sequence: 16 bits, keys and values.</summary>
    [Theory]
    [InlineData("270m", 3, 15, 1024, 234_883_584)]
    [InlineData("1b", 4, 22, 1024, 713_892_352)]
    [InlineData("4b", 20, 116, 1536, 2_519_365_632)]
    [InlineData("12b", 64, 320, 1536, 7_124_204_544)]
    [InlineData("27b", 80, 416, 1536, 15_901_862_912)]
    public void Plan_PublishedShape_HasTheBytesOfItsLayers(string name, int globalKiB, int windowKiB, int windowCells, long weights)
    {
        var host = MemoryPlanner.Plan(Shape(name), Open with { Parallel = 4, ContextLength = 8192 }, Roomy).Need.Host;
        Assert.Equal(globalKiB * KiB * 4 * 8192, host.GlobalKv);
        Assert.Equal(windowKiB * KiB * 4 * windowCells, host.WindowKv);
        Assert.Equal(weights, host.AllWeights);
        Assert.Equal(4 * MiB, host.Logits);
        Assert.Equal(0, host.Projector);
        Assert.Equal(host.Total, host.Named.Sum(part => part.Bytes));
    }

    [Fact]
    public void Plan_SharedCells_HaveOneWindowForAll()
    {
        var host = MemoryPlanner.Plan(Shape("27b"), Open with { Parallel = 4, ContextLength = 8192, SharedCells = true }, Roomy).Need.Host;
        Assert.Equal((80 * KiB * 4 * 8192, 1872 * MiB), (host.GlobalKv, host.WindowKv));
    }

    /// <summary>A GPU that has all layers computes one pool faster; a CPU does not.</summary>
    [Theory]
    [InlineData(0, -1, null, 0, false)]
    [InlineData(1, -1, null, 0, true)]
    [InlineData(1, 40, null, 0, false)]
    [InlineData(1, 0, null, 0, false)]
    [InlineData(1, -1, false, 0, false)]
    [InlineData(0, -1, true, 0, true)]
    [InlineData(0, -1, null, 4096, true)]
    public void Choose_WhoSharesCells_FollowsTheLayers(int gpus, int layers, bool? asked, int pool, bool chosen)
    {
        var options = Open with { SharedCells = asked, SharedCellCount = pool, GpuLayers = layers, Parallel = 4, ContextLength = 8192 };
        var free = new DeviceMemory(64 * GiB, gpus * 80 * GiB, gpus);
        Assert.Equal(chosen, MemoryPlanner.Choose(Shape("27b"), options, free).SharedCells);
        var explicitly = MemoryPlanner.Plan(Shape("27b"), options with { SharedCells = chosen }, free);
        Assert.Equal(explicitly.Need.Gpu.Total + explicitly.Need.Host.Total, Total(MemoryPlanner.Plan(Shape("27b"), options, free)));
        Assert.Equal(MemoryPlanner.LargestContext(Shape("27b"), options with { SharedCells = chosen }, free), MemoryPlanner.LargestContext(Shape("27b"), options, free));

        static long Total(MemoryPlan plan) => plan.Need.Gpu.Total + plan.Need.Host.Total;
    }

    [Fact]
    public void Plan_QuantizedCache_TakesThirtyFourBytesForThirtyTwoElements()
    {
        LlamaCppOptions Cache(string type) => Open with { Parallel = 2, ContextLength = 4096, KeyCacheType = type, ValueCacheType = type };
        var wide = MemoryPlanner.Plan(Shape("12b"), Cache("f16"), Roomy).Need.Host.Kv;
        Assert.Equal(wide / 64 * 34, MemoryPlanner.Plan(Shape("12b"), Cache("q8_0"), Roomy).Need.Host.Kv);
    }

    [Fact]
    public void Plan_Logits_AreARowOfEachSequenceAndOfEachGuess() => Assert.Equal(
        (3 + 20) * MiB, MemoryPlanner.Plan(Shape("270m"), Open with { Parallel = 3, DraftRows = 16, MostDraftRows = 20 }, Roomy).Need.Host.Logits);

    /// <summary>What <c>nvidia-smi</c> told of an H200 after the first request (2026-11-26, MiB): planned within 2 %.</summary>
    [Theory]
    [InlineData("270m", 4, 8192, -1, "f16", false, 1065)]
    [InlineData("1b", 4, 8192, -1, "f16", false, 1583)]
    [InlineData("4b", 4, 8192, -1, "f16", false, 4437)]
    [InlineData("4b", 1, 32_768, -1, "f16", false, 3939)]
    [InlineData("4b", 16, 2048, -1, "f16", false, 6529)]
    [InlineData("4b", 4, 8192, -1, "q8_0", false, 3885)]
    [InlineData("4b", 4, 8192, -1, "f16", true, 4291)]
    [InlineData("4b", 4, 8192, 17, "f16", false, 2857)]
    [InlineData("12b", 4, 8192, -1, "f16", false, 11_501)]
    [InlineData("12b", 1, 131_072, -1, "f16", false, 16_325)]
    [InlineData("12b", 4, 8192, 24, "f16", false, 6641)]
    [InlineData("27b", 4, 8192, -1, "f16", false, 21_005)]
    [InlineData("27b", 1, 32_768, -1, "f16", false, 19_157)]
    public void Plan_OnAGpu_IsWithinTwoPercentOfAnH200(string name, int sequences, int context, int gpuLayers, string kv, bool shared, long measured)
    {
        var sizes = Open with
        {
            Parallel = sequences,
            ContextLength = context,
            GpuLayers = gpuLayers,
            KeyCacheType = kv,
            ValueCacheType = kv,
            SharedCells = shared,
            DraftRows = 16,
            MostDraftRows = 64,
        };
        var plan = MemoryPlanner.Plan(Shape(name), sizes, new(64 * GiB, 140 * GiB, 1));
        Assert.True(plan.Fits);
        if (gpuLayers < 0) Assert.Equal(plan.LayerCount, plan.OffloadedLayers);
        Assert.InRange(plan.Need.Gpu.Total / (double)MiB, measured * 0.98, measured * 1.02);
    }

    /// <summary>
    /// What the library's Vulkan backend reserves on the GPU and beside it on the host, measured on a software driver: with layers on the host, too,
    /// prompts are computed on the GPU. MiB.
    /// </summary>
    [Theory]
    [InlineData("4b", 35, 8192, 4, 512, 87.52, 19.52)]
    [InlineData("4b", 17, 8192, 4, 512, 159.00, 19.52)]
    [InlineData("4b", 17, 4096, 2, 256, 48.38, 7.63)]
    [InlineData("12b", 49, 32_768, 1, 512, 146.52, 48.52)]
    [InlineData("12b", 24, 8192, 4, 512, 302.50, 25.02)]
    [InlineData("12b", 1, 4096, 2, 256, 85.33, 10.38)]
    [InlineData("27b", 63, 8192, 4, 512, 172.52, 30.52)]
    [InlineData("27b", 62, 8192, 4, 512, 197.33, 30.52)] // one sliding-window layer on the host
    [InlineData("27b", 31, 8192, 4, 512, 303.50, 30.52)]
    [InlineData("27b", 31, 4096, 2, 256, 135.58, 13.13)]
    public void Plan_ComputeBuffersOfAGpu_AreNearThoseOfTheLibrary(string name, int gpuLayers, int context, int sequences, int microBatch, double gpu, double host)
    {
        var sizes = Open with { Parallel = sequences, ContextLength = context, MicroBatchTokens = microBatch, GpuLayers = gpuLayers };
        var need = MemoryPlanner.Plan(Shape(name), sizes, new(64 * GiB, 140 * GiB, 1)).Need;
        Assert.InRange(need.Gpu.Compute / (double)MiB, gpu * 0.93, gpu * 1.07);
        Assert.InRange(need.Host.Compute / (double)MiB, host * 0.97, host * 1.03);
    }

    [Theory]
    [InlineData(-1, 62, 10)]
    [InlineData(63, 62, 10)]
    [InlineData(99, 62, 10)]
    [InlineData(62, 61, 10)]
    [InlineData(1, 0, 0)] // the output alone
    [InlineData(9, 8, 1)] // layers 54 to 61: of every six the last is global, here 59
    [InlineData(0, 0, 0)]
    public void Plan_GpuLayers_AreTheLastOnes(int gpuLayers, int offloaded, int global)
    {
        var model = Shape("27b");
        var need = MemoryPlanner.Plan(model, Open with { Parallel = 1, ContextLength = 8192, GpuLayers = gpuLayers }, new(64 * GiB, 140 * GiB, 1)).Need;
        var hasGpu = gpuLayers != 0;
        Assert.Equal(8 * KiB * global * 8192, need.Gpu.GlobalKv);
        Assert.Equal(8 * KiB * (offloaded - global) * 1536, need.Gpu.WindowKv);
        Assert.Equal(80 * KiB * 8192, need.Gpu.GlobalKv + need.Host.GlobalKv);
        Assert.Equal(416 * KiB * 1536, need.Gpu.WindowKv + need.Host.WindowKv);
        Assert.Equal(model.LayerBytes / 62 * offloaded + (hasGpu ? model.OtherBytes : 0), need.Gpu.Weights);
        Assert.Equal(model.LayerBytes + model.OtherBytes, need.Gpu.Weights + need.Host.Weights);
        Assert.Equal((model.TokenEmbeddingBytes, hasGpu ? model.TokenEmbeddingBytes : 0), (need.Host.TokenEmbeddings, need.Gpu.TokenEmbeddings));
        Assert.Equal(hasGpu, need.Gpu.Overhead > 0);
    }

    [Theory]
    [InlineData("270m", 4, 8192)]
    [InlineData("27b", 4, 8192)]
    public void Plan_OpenOptionsOnARoomyHost_AreFourConversationsOf8192(string name, int sequences, int context) =>
        Assert.Equal((sequences, context), Sizes(MemoryPlanner.Plan(Shape(name), Open, Roomy)));

    [Fact]
    public void Plan_OpenOptionsOnARoomyGpu_AreFourConversationsOf32768() =>
        Assert.Equal((4, 32_768), Sizes(MemoryPlanner.Plan(Shape("4b"), Open, new(64 * GiB, 80 * GiB, 1))));

    [Fact]
    public void Plan_ShortTrainedContext_IsTheMost() =>
        Assert.Equal((4, 1024), Sizes(MemoryPlanner.Plan(Shape("4b") with { TrainedContextLength = 1024 }, Open, Roomy)));

    /// <summary>As memory shrinks: context gives way first, then conversations, then layers; at each size the choice fits and is the most.</summary>
    [Theory]
    [InlineData("4b")]
    [InlineData("12b")]
    [InlineData("27b")]
    public void Plan_LessAndLessGpuMemory_GivesUpContextThenConversationsThenLayers(string name)
    {
        var model = Shape(name);
        MemoryPlan? before = null;
        for (var gpu = 40 * GiB; gpu >= GiB; gpu -= 256 * MiB)
        {
            var free = new DeviceMemory(64 * GiB, gpu, 1);
            var plan = MemoryPlanner.Plan(model, Open, free);
            Assert.True(plan.Fits, $"{gpu / MiB} MiB: {plan.Shortage}");
            Assert.True(plan.Need.Gpu.Total <= gpu / 100 * 95, $"{gpu / MiB} MiB");
            Assert.InRange(plan.Sequences, 1, 4);
            if (plan.Sequences > 1) Assert.InRange(plan.ContextLength, 4096, 32_768);
            Assert.Equal(plan, MemoryPlanner.Plan(model, Open, free));
            if (before is not null)
            {
                Assert.True(plan.GpuLayers <= before.GpuLayers, $"{gpu / MiB} MiB");
                if (plan.GpuLayers == before.GpuLayers) Assert.True(plan.Sequences <= before.Sequences, $"{gpu / MiB} MiB");
                if (plan.GpuLayers == before.GpuLayers && plan.Sequences == before.Sequences)
                    Assert.True(plan.ContextLength <= before.ContextLength, $"{gpu / MiB} MiB");
            }

            before = plan;
        }
    }

    [Fact]
    public void Choose_DraftModel_LeavesRoomForIt()
    {
        var (model, draft) = (Shape("4b"), ModelFootprint.Read(TinyCheckpoint.Path));
        var most = 0;
        for (var gpu = 4 * GiB; gpu <= 8 * GiB; gpu += 512 * MiB)
        {
            var free = new DeviceMemory(64 * GiB, gpu, 1);
            var (alone, beside) = (MemoryPlanner.Plan(model, Open, free), MemoryPlanner.Plan(model, Open with { DraftPath = TinyCheckpoint.Path }, free));
            var sizes = Open with { Parallel = beside.Sequences, ContextLength = beside.ContextLength };
            Assert.True(beside.Need.Gpu.Total + MemoryPlanner.Plan(draft, sizes, free).Need.Gpu.Total - MemoryNeed.GpuOverhead <= gpu, $"{gpu / MiB} MiB");
            Assert.True(beside.OffloadedLayers == alone.OffloadedLayers && beside.Sequences <= alone.Sequences);
            most = Math.Max(most, alone.ContextLength - beside.ContextLength);
        }

        Assert.True(most > 0);
        Assert.Equal(MemoryPlanner.Plan(model, Open, Roomy), MemoryPlanner.Plan(model, Open with { DraftPath = "nowhere.gguf" }, Roomy));
    }

    [Fact]
    public void Plan_CachesOfTheHost_GetWhatTheyMayTakeOrHalfOfWhatTheWeightsLeave()
    {
        var model = Shape("4b");
        int Context(long free, long caches) => MemoryPlanner.Plan(model, Open with { Parallel = 4, HostCacheBytes = caches }, new(free, 0, 0)).ContextLength;
        Assert.Equal(8192, Context(20 * GiB, 3 * GiB));
        Assert.Equal(8192, Context(5 * GiB, 0));
        Assert.InRange(Context(5 * GiB, 3 * GiB), 4096, 8191);
        Assert.Equal(Context(5 * GiB, 3 * GiB), Context(5 * GiB, 100 * GiB));
        Assert.Equal(131_072, MemoryPlanner.Plan(model, Open with { ContextLength = 131_072, HostCacheBytes = 3 * GiB }, new(5 * GiB, 0, 0)).ContextLength);
    }

    [Fact]
    public void LargestContext_TrainedForNoWholePad_IsThatAtMost() =>
        Assert.Equal(100, MemoryPlanner.LargestContext(Shape("270m") with { TrainedContextLength = 100 }, Open with { Parallel = 1 }, Roomy));

    [Fact]
    public void Plan_GivenOptions_StayAndAreRefusedWhereTheyDoNotFit()
    {
        var plan = MemoryPlanner.Plan(Shape("27b"), Open with { Parallel = 16, ContextLength = 131_072, GpuLayers = 63 }, new(64 * GiB, 24 * GiB, 1));
        Assert.Equal((16, 131_072, 62), (plan.Sequences, plan.ContextLength, plan.OffloadedLayers));
        Assert.Matches("^A context of 131072 positions for 16 sequences needs [0-9]+ MiB of GPU memory .* but 24576 MiB are free: lower ", plan.Shortage);
    }

    [Fact]
    public void Plan_TooLittleHostMemory_NamesThePartsAndWhatIsFree()
    {
        var plan = MemoryPlanner.Plan(Shape("4b"), Open, new(2 * GiB, 0, 0));
        Assert.False(plan.Fits);
        Assert.Matches("^A context of [0-9]+ positions for 1 sequences needs [0-9]+ MiB of host memory \\(weights 2402, KV .* but 2048 MiB are free: .* smaller checkpoint", plan.Shortage);
    }

    [Fact]
    public void FindShortage_LoadedWeights_AreNotCountedAgain()
    {
        var need = new MemoryNeed(new(), new() { Weights = 100 * MiB, GlobalKv = 30 * MiB, Compute = 10 * MiB, Overhead = 5 * MiB });
        var steps = MemoryNeed.FirstSteps;
        Assert.Null(need.FindShortage("It", 0, 40 * MiB + steps, loaded: true));
        Assert.StartsWith("It needs 124 MiB of GPU memory beside the weights (KV 30, compute 10) but 123 MiB are free", need.FindShortage("It", 0, 40 * MiB + steps - 1, loaded: true), StringComparison.Ordinal);
        Assert.Null(need.FindShortage("It", 0, 145 * MiB, loaded: false));
        Assert.StartsWith("It needs 145 MiB of GPU memory (weights 100, KV 30, compute 10, other 5) but 144 MiB are free", need.FindShortage("It", 0, 145 * MiB - 1, loaded: false), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("4b", 8)]
    [InlineData("12b", 12)]
    [InlineData("27b", 24)]
    public void LargestContext_AndMostSequences_AreTheLastThatLeaveFivePercent(string name, int gibibytes)
    {
        var (model, free) = (Shape(name), new DeviceMemory(64 * GiB, gibibytes * GiB, 1));
        var whole = Open with { GpuLayers = model.LayerCount + 1 };
        var context = MemoryPlanner.LargestContext(model, whole with { Parallel = 2 }, free);
        Assert.True(Fits(whole with { Parallel = 2, ContextLength = context }));
        Assert.True(context == model.TrainedContextLength || !Fits(whole with { Parallel = 2, ContextLength = context + 256 }));

        var sequences = MemoryPlanner.MostSequences(model, whole with { ContextLength = 2048 }, free);
        Assert.True(Fits(whole with { Parallel = sequences, ContextLength = 2048 }));
        Assert.False(Fits(whole with { Parallel = sequences + 1, ContextLength = 2048 }));

        bool Fits(LlamaCppOptions options) => MemoryPlanner.Plan(model, options, free).Need is var need && need.Gpu.Total <= free.GpuFree / 100 * 95 && need.Host.Total < free.HostFree;
    }

    [Fact]
    public void LargestContext_NothingFits_IsNone() =>
        Assert.Equal(0, MemoryPlanner.LargestContext(Shape("27b"), Open with { Parallel = 1, GpuLayers = 63 }, new(64 * GiB, 8 * GiB, 1)));

    [Fact]
    public void Plan_File_IsReadWithoutLoadingIt()
    {
        var plan = MemoryPlanner.Plan(TinyCheckpoint.Options with { GpuLayers = 0 }, new(GiB, 0, 0));
        Assert.Equal(MemoryPlanner.Plan(Shape("tiny"), TinyCheckpoint.Options with { GpuLayers = 0 }, new(GiB, 0, 0)), plan);
        Assert.Throws<ModelLoadException>(() => MemoryPlanner.Plan(TinyCheckpoint.Options with { ModelPath = "nowhere.gguf" }, new(GiB, 0, 0)));
    }

    [Fact]
    public void Load_OpenOptions_AreDecidedAndTold()
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { Parallel = 0, ContextLength = 0 });
        var context = TestLibrary.Directory is null ? 8192 : 32_768; // a GPU's
        Assert.Equal((4, context), (runtime.Limits.MaxSequences, runtime.Limits.ContextLength));
        Assert.Equal((4, context), (runtime.Options.Parallel, runtime.Options.ContextLength));
        Assert.Contains($"4 sequences of {context} tokens", runtime.Memory.ToTable(), StringComparison.Ordinal);
    }

    [Fact]
    public void Available_ThisHost_IsMoreThanNothing() => Assert.True(HostMemory.Available() > 0);

    private static ModelFootprint Shape(string name) =>
        ModelFootprint.Of(GemmaShape.TryGet(name, out var shape) ? shape : throw new ArgumentException(name));

    private static (int Sequences, int Context) Sizes(MemoryPlan plan) => (plan.Sequences, plan.ContextLength);
}
