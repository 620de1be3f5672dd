using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Data;
using Gemma3Pocket.Export;
using Gemma3Pocket.Model;
using Gemma3Pocket.Tests.Support;
using Gemma3Server.Runtime;
using Gemma3Server.Runtime.LlamaCpp;
using Microsoft.Extensions.Logging.Abstractions;
using static TorchSharp.torch;

namespace Gemma3Pocket.Tests.Model;

public sealed class PocketModelTests
{
    private const double Tolerance = 2e-3;

    [Fact]
    public void Forward_OfPackedLessonsBeyondTheWindow_GivesTheLogitsOfLlamaCpp()
    {
        Libtorch.Require();
        using var folder = new TemporaryFolder();
        var vocabulary = PocketVocabulary.Load();
        var layout = new WeightLayout(PocketShape.Of(vocabulary.Count));
        var lessons = PackedLessons.Create(vocabulary.Count);
        Assert.Contains(lessons, lesson => lesson.Length > layout.Shape.SlidingWindow + 1);
        using var weights = RandomModel.Weights(layout, 3, isHalf: true);
        PocketCheckpoint.Write(folder["model.gguf"], layout, RandomModel.Floats(weights), vocabulary, isQuantized: false, isQuantizationAware: false);

        var expected = Logits(folder["model.gguf"], lessons);
        var actual = Logits(layout, weights, lessons);

        Assert.Equal(expected.Length, actual.Length);
        var differences = expected.Zip(actual, Difference).ToArray();
        TestContext.Current.TestOutputHelper?.WriteLine($"relative difference of {differences.Length} rows: mean {differences.Average():E2}, most {differences.Max():E2}");
        Assert.InRange(differences.Max(), 0, Tolerance);
    }

    private static float[][] Logits(WeightLayout layout, Tensor weights, int[][] lessons)
    {
        using var model = new PocketModel(layout, PackedLessons.Width, isFast: false);
        using var batch = new BatchTensors(PackedLessons.Pack(lessons), layout.Shape.SlidingWindow);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return [.. model.Forward(weights, batch).data<float>().ToArray().Chunk(layout.Shape.VocabularySize)];
    }

    private static float[][] Logits(string path, int[][] lessons)
    {
        var options = new LlamaCppOptions
        {
            ModelPath = path,
            GpuLayers = 0,
            Threads = 1,
            ContextLength = 512,
            Parallel = lessons.Length,
            FlashAttention = false,
            KeyCacheType = "f32",
            ValueCacheType = "f32",
        };
        using var runtime = LlamaCppRuntime.Load(options, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);
        // The runtime gives as many rows of logits as it has sequences: all lessons go side by side, a token each.
        var rows = lessons.Select(lesson => new float[lesson.Length - 1][]).ToArray();
        for (var position = 0; position < rows.Max(row => row.Length); position++)
        {
            var batch = new ForwardBatch();
            var running = Enumerable.Range(0, lessons.Length).Where(lesson => position < rows[lesson].Length).ToArray();
            foreach (var lesson in running)
                batch.Add(lessons[lesson][position], position, lesson, wantLogits: true);
            Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
            for (var row = 0; row < running.Length; row++)
                rows[running[row]][position] = runtime.Logits(row).ToArray();
        }
        return [.. rows.SelectMany(row => row)];
    }

    /// <summary>Length of the difference as a share of the length of what is expected.</summary>
    private static double Difference(float[] expected, float[] actual)
    {
        var difference = expected.Zip(actual, (left, right) => (double)left - right).Sum(value => value * value);
        return Math.Sqrt(difference / expected.Sum(value => (double)value * value));
    }
}
