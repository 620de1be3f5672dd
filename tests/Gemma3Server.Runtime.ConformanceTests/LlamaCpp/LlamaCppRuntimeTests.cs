using System.Numerics.Tensors;
using Gemma3Server.Runtime.ConformanceTests.Support;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Runtime.LlamaCpp.Diagnostics;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed class LlamaCppRuntimeTests
{
    [Fact]
    public void Load_TinyCheckpoint_TellsItsFacts()
    {
        using var runtime = TinyCheckpoint.Load();
        Assert.Equal("gemma3", runtime.Model.Architecture);
        Assert.Equal((64, 6), (runtime.Model.SlidingWindow, runtime.Model.LayerCount));
        Assert.Equal(TinyCheckpoint.Path, runtime.Model.Path);
        Assert.Matches("^gemma3 [0-9.]+M Q4_0$", runtime.Model.Description);
        Assert.True(runtime.Model.WeightBytes > 0 && runtime.Model.ParameterCount > 0);
        Assert.Contains("start_of_turn", runtime.Model.ChatTemplate, StringComparison.Ordinal);
        Assert.Equal(
            new RuntimeLimits
            {
                MaxSequences = 3,
                ContextLength = 512,
                MaxBatchTokens = 256,
                MaxLogitsRows = 3,
                MicroBatchTokens = 64,
                PrefillTile = TestLibrary.Directory is null ? 64 : 1, // as many layers as there are on a GPU
                TotalCells = 1536,
            },
            runtime.Limits);
    }

    /// <summary>A CPU's flash attention has tiles of 64 rows, for floating-point caches only.</summary>
    [Theory]
    [InlineData("f16", null, 64, 64)]
    [InlineData("f32", null, 128, 64)]
    [InlineData("q8_0", null, 64, 1)]
    [InlineData("f16", false, 64, 1)]
    [InlineData("f16", null, 32, 1)]
    public void Load_OnTheHost_TellsTheTileOfPrefill(string cache, bool? flash, int microBatch, int tile)
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with
        {
            GpuLayers = 0,
            KeyCacheType = cache,
            ValueCacheType = cache,
            FlashAttention = flash,
            MicroBatchTokens = microBatch,
        });
        Assert.Equal(tile, runtime.Limits.PrefillTile);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Load_UnpaddedContext_GivesEachSequenceAtLeastThat(bool shared)
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { ContextLength = 300, SharedCells = shared });
        Assert.Equal((512, 1536L), (runtime.Limits.ContextLength, runtime.Limits.TotalCells));
    }

    [Fact]
    public void Forward_MoreRowsWithLogitsThanReserved_IsInvalidAndChangesNothing()
    {
        using var runtime = TinyCheckpoint.Load();
        var batch = new ForwardBatch();
        for (var i = 0; i <= runtime.Limits.MaxLogitsRows; i++) batch.Add(300 + i, i, 0, wantLogits: true);

        Assert.Equal(ForwardStatus.InvalidBatch, runtime.Forward(batch));
        Assert.Equal(0, runtime.Length(0));
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(2, 3)]
    [InlineData(64, 64)]
    [InlineData(60_000, 256)]
    public void Load_LogitsRows_AreAtLeastOneOfEachSequenceAndAtMostABatch(int asked, int given)
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { LogitsRows = asked });
        Assert.Equal(given, runtime.Limits.MaxLogitsRows);
    }

    [Fact]
    public void Forward_EveryRowWithLogits_GivesWhatEachRowGivesAsTheLastOne()
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { LogitsRows = 256, BatchTokens = 256 });
        var batch = new ForwardBatch();
        for (var sequence = 0; sequence < 3; sequence++)
            for (var i = 0; i < 80; i++) batch.Add(300 + sequence + i, i, sequence, wantLogits: true);
        Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
        var rows = Enumerable.Range(0, batch.Count).Select(row => runtime.Logits(row).ToArray()).ToArray();
        Assert.All(rows, row => Assert.Equal(runtime.Model.VocabularySize, row.Length));

        runtime.Release(1);
        for (var length = 1; length <= 80; length += 13)
        {
            runtime.Release(1);
            batch.Clear();
            for (var i = 0; i < length; i++) batch.Add(301 + i, i, 1, i == length - 1);
            Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
            var alone = runtime.Logits(length - 1).ToArray();

            // Other micro-batches round differently; a wrong row is several units off.
            Assert.True(alone.Zip(rows[80 + length - 1], (a, b) => Math.Abs(a - b)).Max() < 2, $"row {length - 1}");
            Assert.Equal(Array.IndexOf(alone, alone.Max()), Array.IndexOf(rows[80 + length - 1], rows[80 + length - 1].Max()));
        }
    }

    [Fact]
    public void Load_BatchSmallerThanAStep_TakesAMicroBatchBesideARowOfEachSequence()
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { BatchTokens = 1, MicroBatchTokens = 128 });
        Assert.Equal((131, 128), (runtime.Limits.MaxBatchTokens, runtime.Limits.MicroBatchTokens));
    }

    [Fact]
    public void Forward_SharedPoolIsFull_IsNoSpaceWithoutChangeAndHeals()
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { SharedCells = true, SharedCellCount = 512 });
        var driver = new SequenceDriver(runtime);
        driver.Fill(0, 400);
        driver.Fill(1, 100);
        var batch = new ForwardBatch();
        for (var i = 0; i < 20; i++) batch.Add(driver.Token(i), i, 2, i == 19);

        Assert.Equal(ForwardStatus.NoSpace, runtime.Forward(batch));

        Assert.Equal((400, 100, 0), (runtime.Length(0), runtime.Length(1), runtime.Length(2)));
        Assert.True(runtime.Logits(19).IsEmpty);
        runtime.Release(1);
        Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
        Assert.Equal(runtime.Model.VocabularySize, runtime.Logits(19).Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TryFork_SharedPool_TakesNoCellsAndPinsNone(bool shared)
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { SharedCells = shared, SharedCellCount = shared ? 512 : 0 });
        var driver = new SequenceDriver(runtime);
        driver.Fill(0, 400);
        Assert.True(runtime.TryFork(0, 1, 400));
        Assert.True(runtime.TryFork(0, 2, 400));
        for (var i = 0; i < 30; i++)
        {
            driver.Step(0, driver.Token(i));
            driver.Step(1, driver.Token(i));
            driver.Step(2, driver.Token(i));
        }

        Assert.Equal((430, 430, 430), (runtime.Length(0), runtime.Length(1), runtime.Length(2)));
    }

    [Fact]
    public void Forward_SteadyDecode_AllocatesNothing()
    {
        using var runtime = TinyCheckpoint.Load();
        new SequenceDriver(runtime).Fill(0, 20);
        var batch = new ForwardBatch();
        Decode(runtime, batch, 280); // beyond the local layers' cells, where every step reuses one

        var allocated = new long[4];
        for (var round = 0; round < allocated.Length; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Decode(runtime, batch, 50);
            allocated[round] = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        // The just-in-time compiler may allocate in a round, once; a step that allocates does so in all.
        Assert.Contains(0, allocated);
    }

    [Fact]
    public void Interrupt_NextForward_IsAbortedWithoutChange()
    {
        using var runtime = TinyCheckpoint.Load();
        var driver = new SequenceDriver(runtime);
        driver.Fill(0, 20);
        runtime.Interrupt();
        var batch = new ForwardBatch();
        batch.Add(driver.Token(20), 20, 0, true);

        Assert.Equal(ForwardStatus.Aborted, runtime.Forward(batch));
        Assert.Equal(20, runtime.Length(0));
        Assert.True(runtime.Logits(0).IsEmpty);
    }

    [Fact]
    public void Load_CancelledOnTheWay_StopsAtTheNextTensor()
    {
        using var cancellation = new CancellationTokenSource();
        var logger = new ProgressLogger(_ => cancellation.Cancel());

        Assert.Throws<OperationCanceledException>(() => LlamaCppRuntime.Load(TinyCheckpoint.Options, logger, cancellation.Token));

        Assert.InRange(Assert.Single(logger.Percents), 10, 90);
    }

    [Fact]
    public void Load_ToTheEnd_LogsEveryTenthOnce()
    {
        var logger = new ProgressLogger(_ => { });
        using var runtime = LlamaCppRuntime.Load(TinyCheckpoint.Options, logger, TestContext.Current.CancellationToken);
        Assert.Equal(100, logger.Percents[^1]);
        Assert.Equal(logger.Percents.Distinct().Order(), logger.Percents);
    }

    [Fact]
    public void Load_CancelledBefore_DoesNotStart() =>
        Assert.Throws<OperationCanceledException>(() => LlamaCppRuntime.Load(TinyCheckpoint.Options with { ModelPath = "none" }, NullLoggerFactory.Instance, new(canceled: true)));

    [Fact]
    public void ForwardMedia_RowsOfTokenEmbeddings_ExtendTheSequence()
    {
        using var runtime = TinyCheckpoint.Load();
        var driver = new SequenceDriver(runtime);
        driver.Fill(0, 20);
        var rows = Random(32 * runtime.Model.EmbeddingLength, seed: 1);

        Assert.Equal(ForwardStatus.Ok, runtime.ForwardMedia(0, 20, new(rows, 32)));
        Assert.Equal(52, runtime.Length(0));
        Assert.True(runtime.Logits(0).IsEmpty);
        var after = driver.Step(0, driver.Token(52)).ToArray();

        // The last row changes what the first one sees, and text after it is causal again.
        runtime.Release(0);
        driver.Fill(0, 20);
        Random(runtime.Model.EmbeddingLength, seed: 2).CopyTo(rows.AsSpan(31 * runtime.Model.EmbeddingLength));
        Assert.Equal(ForwardStatus.Ok, runtime.ForwardMedia(0, 20, new(rows, 32)));
        Assert.NotEqual(after, driver.Step(0, driver.Token(52)).ToArray());
    }

    [Fact]
    public void ForwardMedia_WhatWouldEndTheProcess_IsRefused()
    {
        using var runtime = TinyCheckpoint.Load();
        var width = runtime.Model.EmbeddingLength;
        Assert.Equal(ForwardStatus.InvalidBatch, runtime.ForwardMedia(0, 0, new(new float[65 * width], 65))); // more than a micro-batch
        Assert.Equal(ForwardStatus.InvalidBatch, runtime.ForwardMedia(0, 0, new(default, 0)));
        Assert.Equal(ForwardStatus.InvalidBatch, runtime.ForwardMedia(0, 0, new(new float[width], 2)));
        Assert.Equal(ForwardStatus.InvalidBatch, runtime.ForwardMedia(0, 1, new(new float[width], 1)));
        Assert.Equal(ForwardStatus.InvalidBatch, runtime.ForwardMedia(-1, 0, new(new float[width], 1)));
        Assert.Equal(ForwardStatus.InvalidBatch, runtime.ForwardMedia(3, 0, new(new float[width], 1)));
        Assert.Equal(0, runtime.Length(0));
    }

    [Theory]
    [InlineData("q8_0", "q8_0", null)]
    [InlineData("bf16", "f32", null)]
    [InlineData("f16", "f16", false)]
    public void Snapshot_OtherCacheTypes_BringsTheStateBack(string keys, string values, bool? flashAttention)
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { KeyCacheType = keys, ValueCacheType = values, FlashAttention = flashAttention });
        var driver = new SequenceDriver(runtime);
        driver.Fill(0, 200);
        var snapshot = runtime.Snapshot(0, SnapshotScope.Full)!;
        Assert.Equal(190, runtime.Rewind(0, 190));
        Assert.True(runtime.TryFork(0, 1, 190));
        Assert.True(runtime.Restore(2, snapshot));
        var logits = driver.Step(2, driver.Token(200)).ToArray();
        driver.Extend(0, 10, seed: 0);
        Assert.True(TensorPrimitives.Distance<float>(logits, driver.Step(0, driver.Token(200))) < 0.2f * TensorPrimitives.Norm<float>(logits));
    }

    [Fact]
    public void Restore_SnapshotOfAnotherLayout_IsRefused()
    {
        using var streams = TinyCheckpoint.Load();
        using var shared = TinyCheckpoint.Load(TinyCheckpoint.Options with { SharedCells = true });
        new SequenceDriver(streams).Fill(0, 30);
        Assert.False(shared.Restore(0, streams.Snapshot(0, SnapshotScope.Full)!));
        Assert.Equal(0, shared.Length(0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NativeDecodeLoop_Greedy_EqualsTheRuntimeStepByStep(bool shared)
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { SharedCells = shared, Parallel = 2 });
        var driver = new SequenceDriver(runtime);
        int[][] prompts = [[.. Enumerable.Range(0, 40).Select(i => driver.Token(i, 1))], [.. Enumerable.Range(0, 25).Select(i => driver.Token(i, 2))]];
        using var loop = NativeDecodeLoop.On(runtime);

        var result = loop.Run(prompts, 30);

        var expected = Greedy(runtime, prompts, 30);
        Assert.Equal(expected[0], result.Tokens[0]);
        Assert.Equal(expected[1], result.Tokens[1]);
        Assert.Equal((65, 58), (result.PromptTokens, result.DecodeTokens));
        Assert.True(result.Tokens[0].Distinct().Count() > 10, "a repeating model would prove nothing");
    }

    [Fact]
    public void Dispose_Twice_IsHarmlessAndEndsUse()
    {
        var runtime = TinyCheckpoint.Load();
        runtime.Dispose();
        runtime.Dispose();
        runtime.Interrupt();
        Assert.Throws<ObjectDisposedException>(() => runtime.Forward(new()));
        Assert.True(runtime.Logits(0).IsEmpty);
    }

    private static void Decode(LlamaCppRuntime runtime, ForwardBatch batch, int steps)
    {
        var sum = 0f;
        for (var i = 0; i < steps; i++)
        {
            batch.Clear();
            batch.Add(300 + i, runtime.Length(0), 0, true);
            if (runtime.Forward(batch) != ForwardStatus.Ok) throw new InvalidOperationException("step failed");
            sum += runtime.Logits(0)[7];
        }

        if (float.IsNaN(sum)) throw new InvalidOperationException("not a number");
    }

    /// <summary>What an engine does with the runtime: each prompt alone, then both sequences in every step.</summary>
    private static int[][] Greedy(LlamaCppRuntime runtime, int[][] prompts, int count)
    {
        var tokens = prompts.Select(_ => new int[count]).ToArray();
        var batch = new ForwardBatch();
        for (var sequence = 0; sequence < prompts.Length; sequence++)
        {
            batch.Clear();
            for (var i = 0; i < prompts[sequence].Length; i++) batch.Add(prompts[sequence][i], i, sequence, i == prompts[sequence].Length - 1);
            Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
            tokens[sequence][0] = TensorPrimitives.IndexOfMax(runtime.Logits(batch.Count - 1));
        }

        for (var step = 1; step < count; step++)
        {
            batch.Clear();
            for (var sequence = 0; sequence < prompts.Length; sequence++) batch.Add(tokens[sequence][step - 1], runtime.Length(sequence), sequence, true);
            Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
            for (var sequence = 0; sequence < prompts.Length; sequence++) tokens[sequence][step] = TensorPrimitives.IndexOfMax(runtime.Logits(sequence));
        }

        return tokens;
    }

    private static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
    }
}
