using System.Runtime.InteropServices;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>llama_token_data</c>: 12 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LlamaTokenData
{
    public int Token;
    public float Logit;
    public float Probability;
}
