namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>The Jinja chat template of a synthetic checkpoint. It renders what Gemma 3's published template renders.</summary>
internal static class GemmaChatTemplate
{
    public const string Jinja = """
        {{- bos_token -}}
        {%- set turns = messages -%}
        {%- set preface = '' -%}
        {%- if messages[0]['role'] == 'system' -%}
            {%- set system = messages[0]['content'] -%}
            {%- set preface = (system if system is string else system[0]['text']) + '\n\n' -%}
            {%- set turns = messages[1:] -%}
        {%- endif -%}
        {%- for turn in turns -%}
            {%- if (turn['role'] == 'user') != (loop.index0 % 2 == 0) -%}
                {{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') -}}
            {%- endif -%}
            {{- '<start_of_turn>' + ('model' if turn['role'] == 'assistant' else turn['role']) + '\n' -}}
            {{- preface if loop.first else '' -}}
            {%- if turn['content'] is string -%}
                {{- turn['content'] | trim -}}
            {%- elif turn['content'] is iterable -%}
                {%- for part in turn['content'] -%}
                    {%- if part['type'] == 'image' -%}
                        {{- '<start_of_image>' -}}
                    {%- elif part['type'] == 'text' -%}
                        {{- part['text'] | trim -}}
                    {%- endif -%}
                {%- endfor -%}
            {%- else -%}
                {{- raise_exception('Invalid content type') -}}
            {%- endif -%}
            {{- '<end_of_turn>\n' -}}
        {%- endfor -%}
        {%- if add_generation_prompt -%}
            {{- '<start_of_turn>model\n' -}}
        {%- endif -%}
        """;
}
