namespace Gemma3Pocket.Training;

/// <summary>What a run is made with. The commands' own defaults are those of the committed model.</summary>
internal sealed record TrainingOptions
{
    /// <summary>Where the run keeps its checkpoint and its log.</summary>
    public required string Directory { get; init; }

    /// <summary>Of the weights and of the lessons.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Steps in all, the decay among them.</summary>
    public int Steps { get; init; } = 2747;

    /// <summary>Steps at the end in which the learning rate falls to zero.</summary>
    public int DecaySteps { get; init; } = 700;

    /// <summary>Steps at the start in which it rises.</summary>
    public int WarmUpSteps { get; init; } = 100;

    /// <summary>Rows of a batch.</summary>
    public int Rows { get; init; } = 16;

    /// <summary>Tokens of a row.</summary>
    public int Width { get; init; } = 256;

    /// <summary>The highest learning rate.</summary>
    public double LearningRate { get; init; } = 3e-3;

    /// <summary>Share of a matrix that a step at a learning rate of 1 takes away.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Orthogonalizes the steps of matrices (Muon); else AdamW for all.</summary>
    public bool Muon { get; init; } = true;

    /// <summary>Multiplies matrices in bfloat16.</summary>
    public bool Fast { get; init; } = true;

    /// <summary>The finished run whose model is the teacher of a quantization-aware one; null for a run in full precision.</summary>
    public string? Teacher { get; init; }

    /// <summary>Between two checkpoints.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Between two examinations; zero for none.</summary>
    public TimeSpan ExamInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>CPU threads.</summary>
    public int Threads { get; init; } = 2;
}
