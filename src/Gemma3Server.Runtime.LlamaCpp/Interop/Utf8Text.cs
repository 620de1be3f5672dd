using System.Text;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary>Reads C strings.</summary>
internal static unsafe class Utf8Text
{
    /// <summary>The zero-terminated UTF-8 text at <paramref name="text"/>; empty for a null pointer.</summary>
    public static string Read(byte* text) =>
        text == null ? "" : Encoding.UTF8.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

    /// <summary>The text that <paramref name="length"/> bytes of a filled buffer hold, where a negative length means none.</summary>
    public static string Read(ReadOnlySpan<byte> buffer, int length) =>
        length <= 0 ? "" : Encoding.UTF8.GetString(buffer[..Math.Min(length, buffer.Length - 1)]);
}
