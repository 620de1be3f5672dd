using System.Numerics.Tensors;
using Gemma3Server.Runtime.ConformanceTests.Support;
using Gemma3Server.Testing;

namespace Gemma3Server.Runtime.ConformanceTests;

/// <summary>A runtime under test, and how its states are compared.</summary>
/// <remarks>
/// State equality is shown by tokens: two sequences that hold the same positions continue with the same greedy tokens and with logits within
/// <see cref="Tolerance"/>; a wrong position, prefix or window moves logits by far more.
/// </remarks>
public abstract class RuntimeTests : IDisposable
{
    private readonly Lazy<IModelRuntime> _runtime;

    protected RuntimeTests() => _runtime = new(Create);

    /// <summary>Largest rounding difference between two ways to the same state; 0 = none.</summary>
    protected abstract float Tolerance { get; }

    protected IModelRuntime Runtime => _runtime.Value;

    private protected SequenceDriver Driver => new(Runtime);

    /// <summary>A runtime of at least 3 sequences, 512 positions each, with a window of 64 or none.</summary>
    protected abstract IModelRuntime Create();

    public void Dispose()
    {
        if (_runtime.IsValueCreated) Runtime.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Fills a sequence up to the longest possible length, and gives that.</summary>
    protected int FillContext(int sequence)
    {
        while (Runtime.Length(sequence) < Runtime.Limits.ContextLength)
            Driver.Extend(sequence, Math.Min(64, Runtime.Limits.ContextLength - Runtime.Length(sequence)), seed: 0);
        return Runtime.Limits.ContextLength;
    }

    protected void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.NotEqual(0, actual.Length);
        var distance = TensorPrimitives.Max<float>(Absolute(expected, actual));
        Assert.True(distance <= (TestLibrary.IsBatchInvariant ? Tolerance : 3 * Tolerance), $"logits differ by {distance}");
    }

    /// <summary>Whether the sequence goes on like one computed anew from its first <paramref name="length"/> tokens (of seed 0).</summary>
    protected void AssertContinuesLikeFresh(int sequence, int length)
    {
        var snapshot = length == 0 ? null : Runtime.Snapshot(sequence, SnapshotScope.Full);
        var logits = Driver.Step(sequence, Driver.Token(length)).ToArray();
        Runtime.Release(sequence);
        Driver.Fill(sequence, length);
        AssertClose(Driver.Step(sequence, Driver.Token(length)), logits);
        Runtime.Release(sequence);
        if (snapshot is not null) Assert.True(Runtime.Restore(sequence, snapshot));
    }

    private static float[] Absolute(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        var difference = new float[left.Length];
        TensorPrimitives.Subtract(left, right, difference);
        TensorPrimitives.Abs(difference, difference);
        return difference;
    }
}
