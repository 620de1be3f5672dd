using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Tests.Support;
using Gemma3Pocket.Training;

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

        var first = Run(folder["qat"], 1, folder["full"]);
        var last = Run(folder["qat"], Steps, folder["full"]);

        Assert.InRange(first, 1e-5, 1);
        Assert.InRange(last, 0, first);
    }

    /// <summary>The loss of the last step.</summary>
    private static double Run(string directory, int steps, string? teacher = null)
    {
        var options = new TrainingOptions
        {
            Directory = directory,
            Steps = steps,
            DecaySteps = 0,
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
