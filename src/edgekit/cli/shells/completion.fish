# edgekit's completion for fish: `edgekit completion fish` prints it
function __edgekit_complete
    set -l words (commandline -opc)
    for line in (env _EDGEKIT_LINE=(commandline -cp) _EDGEKIT_COMPLETE=fish_complete $words[1] 2>/dev/null)
        set -l found (string split -m 1 \t -- $line)
        switch $found[1]
            case plain
                echo $found[2]
            case dir
                __fish_complete_directories (commandline -ct)
            case file
                __fish_complete_path (commandline -ct)
        end
    end
end
complete --command edgekit --no-files --arguments '(__edgekit_complete)'
