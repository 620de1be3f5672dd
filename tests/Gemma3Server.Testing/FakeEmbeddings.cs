using System.IO.Hashing;
using System.Runtime.InteropServices;
using Gemma3Server.Runtime;

namespace Gemma3Server.Testing;

/// <summary>Hidden states of the fake: each is a pure function of the text up to its token, so that a wrong chunk or order changes it.</summary>
public sealed class FakeEmbeddings(int contextLength, int vocabularySize, int chunk)
{
    /// <summary>Width of a state.</summary>
    public const int Length = 8;

    private readonly List<int> _held = [];
    private readonly List<float[]> _rows = [];

    public ForwardStatus Forward(ReadOnlySpan<int> text, int start, int count, ForwardStatus injected)
    {
        _rows.Clear();
        var valid = text.Length > 0 && text.Length <= contextLength && start >= 0 && count >= 1 && count <= chunk && count <= text.Length - start
            && (start == 0 || start == _held.Count) && !text.Slice(start, count).ContainsAnyExceptInRange(0, vocabularySize - 1);
        var status = !valid ? ForwardStatus.InvalidBatch : injected;
        if (start == 0 || status != ForwardStatus.Ok) _held.Clear();
        if (status != ForwardStatus.Ok) return status;

        for (var i = start; i < start + count; i++)
        {
            _held.Add(text[i]);
            _rows.Add(State(CollectionsMarshal.AsSpan(_held)));
        }

        return ForwardStatus.Ok;
    }

    public ReadOnlySpan<float> HiddenState(int row) => (uint)row < (uint)_rows.Count ? _rows[row] : [];

    /// <summary>The state of the last token of a text, each element from -1 to 1.</summary>
    public static float[] State(ReadOnlySpan<int> text)
    {
        var state = new float[Length];
        for (var i = 0; i < Length; i++)
            state[i] = (int)(XxHash64.HashToUInt64(MemoryMarshal.AsBytes(text), i) % 2001) / 1000f - 1f;
        return state;
    }
}
