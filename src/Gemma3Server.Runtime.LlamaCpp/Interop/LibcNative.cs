using System.Runtime.InteropServices;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary>The C library.</summary>
internal static partial class LibcNative
{
    /// <summary>Sets a variable in the process's own environment, which <see cref="Environment.SetEnvironmentVariable(string, string)"/> does not.</summary>
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int setenv(string name, string value, int overwrite);
}
