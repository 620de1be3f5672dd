using System.Text;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

/// <summary>Gives a sound checkpoint the faults that published ones have.</summary>
internal static class SickCheckpoint
{
    public static void MarkAsText(string path, params int[] tokens)
    {
        var types = GgufFile.Open(path).Metadata["tokenizer.ggml.token_type"].Offset;
        using var stream = File.OpenWrite(path);
        foreach (var token in tokens)
        {
            stream.Position = types + (sizeof(int) * token);
            stream.Write(BitConverter.GetBytes((int)TokenType.Normal));
        }
    }

    /// <summary>Gives a key another name of the same length, so that nobody finds it.</summary>
    public static void RenameKey(string path, string key, string name)
    {
        var bytes = File.ReadAllBytes(path);
        var at = bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(key));
        Encoding.UTF8.GetBytes(name).CopyTo(bytes, at);
        File.WriteAllBytes(path, bytes);
    }
}
