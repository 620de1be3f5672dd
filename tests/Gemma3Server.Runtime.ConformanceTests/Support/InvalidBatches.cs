namespace Gemma3Server.Runtime.ConformanceTests.Support;

/// <summary>Batches that break the contract; natively, several would end the process.</summary>
public static class InvalidBatches
{
    public static TheoryData<string> Kinds =>
    [
        "empty", "too many rows", "gap", "repeat", "not at zero", "negative sequence", "sequence out of range", "sequence 255", "negative token",
        "token out of range", "beyond the context",
    ];

    /// <summary>A batch of a kind, for a runtime whose sequence 0 has <paramref name="length"/> positions and whose sequence 1 is empty.</summary>
    public static ForwardBatch Create(IModelRuntime runtime, string kind, int length)
    {
        var batch = new ForwardBatch();
        var token = new SequenceDriver(runtime).Token(length);
        switch (kind)
        {
            case "too many rows":
                for (var i = 0; i <= runtime.Limits.MaxBatchTokens; i++) batch.Add(token, i, 1, false);
                break;
            case "gap": batch.Add(token, length + 1, 0, true); break;
            case "repeat": batch.Add(token, length - 1, 0, true); break;
            case "not at zero": batch.Add(token, 1, 1, true); break;
            case "negative sequence": batch.Add(token, 0, -1, true); break;
            case "sequence out of range": batch.Add(token, 0, runtime.Limits.MaxSequences, true); break;
            case "sequence 255": batch.Add(token, 0, 255, true); break;
            case "negative token": batch.Add(-1, length, 0, true); break;
            case "token out of range": batch.Add(runtime.Model.VocabularySize, length, 0, true); break;
            case "beyond the context": batch.Add(token, length, 0, true); break;
        }

        return batch;
    }
}
