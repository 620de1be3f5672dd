using System.Runtime.InteropServices;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>llama_batch</c>: 56 bytes. Exactly one of <see cref="Tokens"/> and <see cref="Embeddings"/> is set.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LlamaBatch
{
    public int Count;
    public int* Tokens;
    public float* Embeddings;
    public int* Positions;
    public int* SequenceCounts;
    public int** Sequences;
    public sbyte* WantLogits;
}
