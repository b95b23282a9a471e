module euystacio.example/lab/standin

go 1.26.0
