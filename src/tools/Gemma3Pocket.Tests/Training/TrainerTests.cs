using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Data;
using Gemma3Pocket.Model;
using Gemma3Pocket.Tests.Support;
using Gemma3Pocket.Training;
using static TorchSharp.torch;

namespace Gemma3Pocket.Tests.Training;

public sealed class TrainerTests
{
    private const int Steps = 20;

    [Fact]
    public void Run_TwentySteps_LowersTheLoss()
    {
        Libtorch.Require();
        using var folder = new TemporaryFolder();

        var first = Run(folder["run"], 1);
        var last = Run(folder["run"], Steps);

        Assert.InRange(last, 0, first - 1);
    }

    [Fact]
    public void Run_StoppedAndResumed_ComesToTheSameCheckpoint()
    {
        Libtorch.Require();
        using var folder = new TemporaryFolder();

        Run(folder["whole"], 8);
        Run(folder["parts"], 3);
        Run(folder["parts"], 8);

        Assert.Equal(Learned(folder["whole"]), Learned(folder["parts"]));
    }

    [Fact]
    public void Run_QuantizationAware_ComesNearerToTheTeacher()
    {
        Libtorch.Require();
        using var folder = new TemporaryFolder();
        Run(folder["full"], Steps);

        Run(folder["qat"], Steps, folder["full"]);

        var plain = Divergence(folder["full"], folder["full"]);
        var trained = Divergence(folder["qat"], folder["full"]);
        TestContext.Current.TestOutputHelper?.WriteLine($"divergence from the teacher: rounded {plain:E2}, trained for it {trained:E2}");
        Assert.InRange(plain, 1e-5, 1);
        Assert.InRange(trained, 0, plain);
    }

    /// <summary>Mean divergence of a run's quantized weights from a teacher, on lessons that neither was trained on.</summary>
    private static double Divergence(string run, string teacher)
    {
        const int Width = 128;
        var vocabulary = PocketVocabulary.Load();
        var layout = new WeightLayout(PocketShape.Of(vocabulary.Count));
        using var student = TrainingState.Load(RunDirectory.Checkpoint(run), layout);
        using var taught = TrainingState.Load(RunDirectory.Checkpoint(teacher), layout);
        using var quantized = zeros_like(student.Weights);
        FakeQuantization.Apply(layout, student.Weights, quantized);
        using var model = new PocketModel(layout, Width, isFast: false);
        using var batch = new BatchTensors(BatchSource.Make(new LessonEncoder(vocabulary), 99, 0, 8, Width), layout.Shape.SlidingWindow);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return new Objective(model, taught.Weights).Losses(model.Forward(quantized, batch), batch).data<float>().ToArray().Average();
    }

    /// <summary>The loss of the last step.</summary>
    private static double Run(string directory, int steps, string? teacher = null)
    {
        var options = new TrainingOptions
        {
            Directory = directory,
            Steps = steps,
            DecaySteps = teacher is null ? 0 : steps,
            WarmUpSteps = 2,
            Rows = 2,
            Width = 128,
            LearningRate = teacher is null ? 3e-3 : 5e-4,
            WeightDecay = teacher is null ? 0.1 : 0,
            Fast = false,
            Teacher = teacher,
            ExamInterval = TimeSpan.Zero,
            Threads = 1,
        };
        using var trainer = new Trainer(options, PocketVocabulary.Load());
        trainer.Run(TestContext.Current.CancellationToken);
        return trainer.LastLoss;
    }

    /// <summary>The checkpoint without the seconds that it took.</summary>
    private static byte[] Learned(string directory)
    {
        var bytes = File.ReadAllBytes(RunDirectory.Checkpoint(directory));
        // After magic, step and decay.
        bytes.AsSpan(12, sizeof(double)).Clear();
        return bytes;
    }
}
