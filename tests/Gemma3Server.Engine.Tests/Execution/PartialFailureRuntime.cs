using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Execution;

/// <summary>
/// A runtime whose forward calls fail as a native one does: some rows of the batch have been computed and stay. It fails every third call up
/// to a number of failures, or every batch that holds a certain token. With fewer than no rows kept, it loses the sequences altogether.
/// </summary>
internal sealed class PartialFailureRuntime(FakeModelRuntime inner, int failures = 0, int rowsKept = 0, int poison = -1, ForwardStatus status = ForwardStatus.Failed) : DelegatingRuntime(inner)
{
    private readonly ForwardBatch _part = new();
    private int _calls;

    public override ForwardStatus Forward(ForwardBatch batch)
    {
        var fails = poison >= 0 ? batch.Tokens.Contains(poison) : ++_calls % 3 == 0 && failures-- > 0;
        if (!fails) return base.Forward(batch);
        _part.Clear();
        for (var i = 0; i < Math.Min(rowsKept, batch.Count); i++) _part.Add(batch.Tokens[i], batch.Positions[i], batch.Sequences[i], false);
        if (_part.Count > 0) base.Forward(_part);
        if (rowsKept < 0)
        {
            foreach (var sequence in batch.Sequences) Release(sequence);
        }

        return status;
    }
}
