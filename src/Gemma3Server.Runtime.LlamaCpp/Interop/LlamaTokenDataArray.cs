using System.Runtime.InteropServices;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>llama_token_data_array</c>: 32 bytes. Samplers reorder and shorten it, and set <see cref="Selected"/> to an index in it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LlamaTokenDataArray
{
    public LlamaTokenData* Data;
    public nuint Size;
    public long Selected;
    public byte Sorted;
}
